//! `metrics.csv`: every number that may leave, one line each, made for spreadsheets.

use std::collections::BTreeSet;

use crate::record::Number;

use super::privacy::Line;

/// The lines as CSV with a heading. Each dimension that occurs has its own column, `by.<dimension>`.
/// `instance` is empty unless there are several: the address of a GitLab need not be on a public page.
pub(super) fn write(lines: &[Line]) -> Result<Vec<u8>, csv::Error> {
    let dimensions: BTreeSet<&str> =
        lines.iter().flat_map(|line| line.by.keys().map(String::as_str)).collect();
    let several = lines.iter().any(|line| line.instance != lines[0].instance);
    let mut writer = csv::Writer::from_writer(Vec::new());

    let mut heading: Vec<String> =
        ["metric", "instance", "scope", "grain", "start", "end"].map(String::from).into();
    heading.extend(dimensions.iter().map(|dimension| safe(&format!("by.{dimension}"))));
    let numbers = ["value", "n", "of", "people", "coverage", "basis", "final", "reason", "hidden"];
    heading.extend(numbers.map(String::from));
    writer.write_record(&heading)?;

    for line in lines {
        let instance = if several { safe(&line.instance) } else { String::new() };
        let mut cells = vec![
            safe(&line.metric),
            instance,
            safe(&line.scope),
            line.period.grain.to_string(),
            line.period.start.to_string(),
            line.period.end.to_string(),
        ];
        let dimension = |name: &&str| line.by.get(*name).map(|value| safe(value)).unwrap_or_default();
        cells.extend(dimensions.iter().map(dimension));
        cells.extend([
            line.value.map(number).unwrap_or_default(),
            line.n.map(number).unwrap_or_default(),
            line.of.map(number).unwrap_or_default(),
            line.people.map(|people| people.to_string()).unwrap_or_default(),
            line.coverage.to_string(),
            line.basis.map(|basis| basis.to_string()).unwrap_or_default(),
            line.is_final.to_string(),
            line.reason
                .and_then(|reason| Some(serde_json::to_value(reason).ok()?.as_str()?.to_owned()))
                .unwrap_or_default(),
            line.hidden.map(|hidden| hidden.as_str().to_owned()).unwrap_or_default(),
        ]);
        writer.write_record(&cells)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn number(number: Number) -> String {
    match number {
        Number::Count(count) => count.to_string(),
        Number::Measure(measure) => measure.to_string(),
    }
}

/// The text as a cell that no spreadsheet takes for a formula; numbers stay numbers.
fn safe(text: &str) -> String {
    let starts_a_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let is_negative_number = text.strip_prefix('-').is_some_and(|digits| {
        digits.starts_with(|first: char| first.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
            && digits.matches('.').count() <= 1
    });
    match starts_a_formula && !is_negative_number {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_negative_numbers_stay() {
        for text in ["=1+1", "+1", "-cmd", "@SUM(A1)", "\tx", "\rx", "-", "-1-1", "-.", "-1.2.3"] {
            assert_eq!(safe(text), format!("'{text}"));
        }
        for text in ["-1", "-1.5", "rust", "c++", "a=b", ""] {
            assert_eq!(safe(text), text);
        }
    }
}

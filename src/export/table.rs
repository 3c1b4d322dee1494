//! Every number that may leave, one line each, made for spreadsheets.

use std::collections::BTreeSet;
use std::io;

use crate::publish::privacy::Line;
use crate::publish::spreadsheet::Sheet;
use crate::record::Number;

/// Whether the address of the GitLab is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instances {
    /// In every line.
    Always,
    /// Only where there are several: the address of a GitLab need not be on a public page.
    WhereSeveral,
}

/// The lines as CSV with a heading. Each dimension that occurs has its own column, `by.<dimension>`, in the order of
/// the alphabet.
pub fn table(lines: &[Line], instances: Instances) -> io::Result<Vec<u8>> {
    let dimensions: BTreeSet<&str> =
        lines.iter().flat_map(|line| line.by.keys().map(String::as_str)).collect();
    let several = lines.iter().any(|line| line.instance != lines[0].instance);
    let mut sheet = Sheet::new(Vec::new());

    let mut heading: Vec<String> =
        ["metric", "instance", "scope", "grain", "start", "end"].map(String::from).into();
    heading.extend(dimensions.iter().map(|dimension| format!("by.{dimension}")));
    let numbers = ["value", "n", "of", "people", "coverage", "basis", "final", "reason", "hidden"];
    heading.extend(numbers.map(String::from));
    let is_priced = lines.iter().any(|line| line.prices.is_some());
    heading.extend(is_priced.then(|| "prices".to_owned()));
    sheet.row(&heading)?;

    for line in lines {
        let instance =
            if several || instances == Instances::Always { line.instance.clone() } else { String::new() };
        let mut cells = vec![
            line.metric.clone(),
            instance,
            line.scope.clone(),
            line.period.grain.to_string(),
            line.period.start.to_string(),
            line.period.end.to_string(),
        ];
        cells.extend(dimensions.iter().map(|name| line.by.get(*name).cloned().unwrap_or_default()));
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
        cells.extend(is_priced.then(|| line.prices.clone().unwrap_or_default()));
        sheet.row(&cells)?;
    }
    sheet.into_inner()
}

/// A number without anything that is not of it.
pub(super) fn number(number: Number) -> String {
    match number {
        Number::Count(count) => count.to_string(),
        Number::Measure(measure) => measure.to_string(),
    }
}

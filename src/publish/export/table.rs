//! Every number that may leave, one line each, made for spreadsheets.

use std::collections::BTreeSet;
use std::io;

use crate::model::record::{Population, Reason};
use crate::publish::privacy::{Hidden, Line};
use crate::publish::spreadsheet::Sheet;

/// Whether the address of the GitLab is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instances {
    /// In every line.
    Always,
    /// Only where there are several: the address of a GitLab need not be on a public page.
    WhereSeveral,
}

/// The lines as CSV with a heading. Who is counted has a column where that is a choice in any line. Each dimension that occurs has its own column, `by.<dimension>`, in the order of
/// the alphabet.
pub fn table(lines: &[Line<'_>], instances: Instances) -> io::Result<Vec<u8>> {
    let dimensions: BTreeSet<&str> = lines.iter().flat_map(|line| line.by.names()).collect();
    let has_populations = lines.iter().any(|line| line.population.is_some());
    let several = lines.iter().any(|line| line.instance != lines[0].instance);
    let mut sheet = Sheet::new(Vec::new());

    let mut heading: Vec<String> =
        ["metric", "instance", "scope", "grain", "start", "end"].map(String::from).into();
    heading.extend(has_populations.then(|| "population".to_owned()));
    heading.extend(dimensions.iter().map(|dimension| format!("by.{dimension}")));
    let numbers = ["value", "n", "of", "people", "coverage", "basis", "final", "reason", "hidden"];
    heading.extend(numbers.map(String::from));
    let is_priced = lines.iter().any(|line| line.prices.is_some());
    heading.extend(is_priced.then(|| "prices".to_owned()));
    let is_imported = lines.iter().any(|line| line.imported > 0.0);
    heading.extend(is_imported.then(|| "imported".to_owned()));
    sheet.row(&heading)?;

    for line in lines {
        let tells_instance = several || instances == Instances::Always;
        sheet.cell(line.metric)?;
        sheet.cell(if tells_instance { line.instance } else { "" })?;
        sheet.cell(line.scope)?;
        sheet.value(Some(line.period.grain))?;
        sheet.value(Some(line.period.start))?;
        sheet.value(Some(line.period.end))?;
        if has_populations {
            sheet.cell(line.population.map_or("", Population::as_str))?;
        }
        for dimension in &dimensions {
            sheet.cell(line.by.get(dimension).unwrap_or_default())?;
        }
        for number in [line.value, line.n, line.of] {
            sheet.value(number)?;
        }
        sheet.value(line.people)?;
        sheet.value(Some(line.coverage))?;
        sheet.value(line.basis)?;
        sheet.value(Some(line.is_final))?;
        sheet.cell(line.reason.map_or("", Reason::as_str))?;
        sheet.cell(line.hidden.map_or("", Hidden::as_str))?;
        if is_priced {
            sheet.cell(line.prices.unwrap_or_default())?;
        }
        if is_imported {
            sheet.value(Some(line.imported))?;
        }
        sheet.end_row()?;
    }
    sheet.into_inner()
}

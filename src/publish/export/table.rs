//! Published metric lines as CSV for spreadsheets.

use std::collections::BTreeSet;
use std::io;

use crate::model::metric::{Explanation, MetricSource, Population, Reason};
use crate::publish::privacy::{Line, Suppression};
use crate::publish::spreadsheet::CsvWriter;

/// Whether lines contain the address of the GitLab instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceColumn {
    /// In every line.
    Always,
    /// Only if there are several instances, to keep the address off public pages.
    IfSeveral,
}

/// The lines as CSV with a header. Each dimension has a column `by.<dimension>`, in alphabetical
/// order; the columns `population`, `prices`, `imported`, `source` and `explanation` exist only if a
/// line needs them.
pub fn table(lines: &[Line<'_>], instance_column: InstanceColumn) -> io::Result<Vec<u8>> {
    let dimensions: BTreeSet<&str> = lines.iter().flat_map(|line| line.by.names()).collect();
    let has_populations = lines.iter().any(|line| line.population.is_some());
    let several = lines.iter().any(|line| line.instance != lines[0].instance);
    let mut writer = CsvWriter::new(Vec::new());

    let mut header: Vec<String> =
        ["metric", "instance", "scope", "grain", "start", "end"].map(String::from).into();
    header.extend(has_populations.then(|| "population".to_owned()));
    header.extend(dimensions.iter().map(|dimension| format!("by.{dimension}")));
    let values = ["value", "n", "of", "people", "coverage", "basis", "final", "reason", "hidden"];
    header.extend(values.map(String::from));
    let is_priced = lines.iter().any(|line| line.prices.is_some());
    header.extend(is_priced.then(|| "prices".to_owned()));
    let is_imported = lines.iter().any(|line| line.imported > 0.0);
    header.extend(is_imported.then(|| "imported".to_owned()));
    let has_source = lines.iter().any(|line| line.source.is_some());
    header.extend(has_source.then(|| "source".to_owned()));
    let has_explanation = lines.iter().any(|line| line.explanation.is_some());
    header.extend(has_explanation.then(|| "explanation".to_owned()));
    writer.row(&header)?;

    for line in lines {
        let has_instance = several || instance_column == InstanceColumn::Always;
        writer.label(line.metric)?;
        writer.label(if has_instance { line.instance } else { "" })?;
        writer.label(line.scope)?;
        writer.value(Some(line.period.grain))?;
        writer.value(Some(line.period.start))?;
        writer.value(Some(line.period.end))?;
        if has_populations {
            writer.label(line.population.map_or("", Population::as_str))?;
        }
        for dimension in &dimensions {
            writer.label(line.by.get(dimension).unwrap_or_default())?;
        }
        for number in [line.value, line.n, line.of] {
            writer.value(number)?;
        }
        writer.value(line.people)?;
        writer.value(Some(line.coverage))?;
        writer.value(line.basis)?;
        writer.value(Some(line.is_final))?;
        writer.label(line.reason.map_or("", Reason::as_str))?;
        writer.label(line.suppression.map_or("", Suppression::as_str))?;
        if is_priced {
            writer.label(line.prices.unwrap_or_default())?;
        }
        if is_imported {
            writer.value(Some(line.imported))?;
        }
        if has_source {
            writer.label(line.source.map_or("", MetricSource::as_str))?;
        }
        if has_explanation {
            writer.label(line.explanation.map_or("", Explanation::as_str))?;
        }
        writer.end_row()?;
    }
    writer.into_inner()
}

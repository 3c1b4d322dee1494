//! Published metric lines as CSV for spreadsheets.

use std::collections::BTreeSet;
use std::io;

use crate::model::metric::{Explanation, MetricSource, Population, Reason};
use crate::publish::privacy::{Line, SUPPRESSED};
use crate::publish::spreadsheet::CsvWriter;

/// Whether lines contain the address of the GitLab instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceColumn {
    /// In every line.
    Always,
    /// Only if there are several instances, to keep the address off public pages.
    IfSeveral,
}

/// The lines, of an iterator that can be repeated, as CSV with a header. Each dimension has a column `by.<dimension>`, in alphabetical
/// order; the columns `population`, `prices`, `imported`, `source` and `explanation` exist only if a
/// line needs them.
pub fn table<'l, I>(lines: impl Fn() -> I, instance_column: InstanceColumn) -> io::Result<Vec<u8>>
where
    I: Iterator<Item = &'l Line<'l>>,
{
    let columns = Columns::of(&lines, instance_column);
    let mut writer = CsvWriter::new(Vec::new());
    writer.row(columns.header())?;
    for line in lines() {
        columns.write(line, &mut writer)?;
    }
    writer.into_inner()
}

/// The columns that these lines need.
struct Columns<'a> {
    dimensions: BTreeSet<&'a str>,
    has_instance: bool,
    has_populations: bool,
    has_prices: bool,
    has_imported: bool,
    has_source: bool,
    has_explanation: bool,
}

impl<'a> Columns<'a> {
    fn of<I>(lines: &impl Fn() -> I, instance_column: InstanceColumn) -> Columns<'a>
    where
        I: Iterator<Item = &'a Line<'a>>,
    {
        let first = lines().next().map(|line| line.instance);
        let has_several = lines().any(|line| Some(line.instance) != first);
        Columns {
            dimensions: lines().flat_map(|line| line.by.names()).collect(),
            has_instance: has_several || instance_column == InstanceColumn::Always,
            has_populations: lines().any(|line| line.population.is_some()),
            has_prices: lines().any(|line| line.prices.is_some()),
            has_imported: lines().any(|line| line.imported > 0.0),
            has_source: lines().any(|line| line.source.is_some()),
            has_explanation: lines().any(|line| line.explanation.is_some()),
        }
    }

    fn header(&self) -> Vec<String> {
        let mut header: Vec<String> =
            ["metric", "instance", "scope", "grain", "start", "end"].map(String::from).into();
        header.extend(self.has_populations.then(|| "population".to_owned()));
        header.extend(self.dimensions.iter().map(|dimension| format!("by.{dimension}")));
        let values = ["value", "n", "of", "people", "coverage", "basis", "final", "reason", "hidden"];
        header.extend(values.map(String::from));
        header.extend(self.has_prices.then(|| "prices".to_owned()));
        header.extend(self.has_imported.then(|| "imported".to_owned()));
        header.extend(self.has_source.then(|| "source".to_owned()));
        header.extend(self.has_explanation.then(|| "explanation".to_owned()));
        header
    }

    fn write(&self, line: &Line<'_>, writer: &mut CsvWriter<Vec<u8>>) -> io::Result<()> {
        writer.label(line.metric)?;
        writer.label(if self.has_instance { line.instance } else { "" })?;
        writer.label(line.scope)?;
        writer.value(Some(line.period.grain))?;
        writer.value(Some(line.period.start))?;
        writer.value(Some(line.period.end))?;
        if self.has_populations {
            writer.label(line.population.map_or("", Population::as_str))?;
        }
        for dimension in &self.dimensions {
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
        writer.label(if line.is_suppressed { SUPPRESSED } else { "" })?;
        if self.has_prices {
            writer.label(line.prices.unwrap_or_default())?;
        }
        if self.has_imported {
            writer.value(Some(line.imported))?;
        }
        if self.has_source {
            writer.label(line.source.map_or("", MetricSource::as_str))?;
        }
        if self.has_explanation {
            writer.label(line.explanation.map_or("", Explanation::as_str))?;
        }
        writer.end_row()
    }
}

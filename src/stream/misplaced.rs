//! Lines of another stage: a pipe lacks a command, or has its commands in the wrong order.

use std::collections::BTreeMap;

use crate::base::error::Error;
use crate::base::text::format_count;
use crate::model::line::Line;

/// A kind of lines that only some commands read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// From `fetch`.
    Raw,
    /// From `normalize`.
    Record,
    /// From `aggregate --emit rollups`.
    Rollup,
    /// From `aggregate`.
    Metric,
}

/// The commands that read lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `normalize`
    Normalize,
    /// `aggregate` and `export --people`
    Aggregate,
    /// `dashboard`, `landing` and `export`
    Publish,
    /// `lint`
    Lint,
}

/// Lines that a command does not read although it knows them, with the number of the first.
#[derive(Debug, Default)]
pub struct Misplaced(BTreeMap<LineKind, (u64, u64)>);

impl LineKind {
    /// The kind of a line; `None` for lines that every command reads or skips.
    pub fn of(line: &Line<'_>) -> Option<LineKind> {
        match line {
            Line::Raw(_) => Some(LineKind::Raw),
            Line::Record(_) => Some(LineKind::Record),
            Line::Rollup(_) => Some(LineKind::Rollup),
            Line::Metric(_) => Some(LineKind::Metric),
            Line::Coverage(_) | Line::FormerGroup(_) | Line::HistoryLoss(_) | Line::Unknown => None,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            LineKind::Raw => "raw line",
            LineKind::Record => "record",
            LineKind::Rollup => "rollup line",
            LineKind::Metric => "metric line",
        }
    }
}

impl Misplaced {
    /// Adds a line.
    pub fn add(&mut self, line: u64, kind: LineKind) {
        self.add_lines(kind, line, 1);
    }

    /// Adds those of a chunk that starts after this many lines.
    pub fn add_chunk(&mut self, lines_before: u64, chunk: &Misplaced) {
        for (kind, (first, count)) in &chunk.0 {
            self.add_lines(*kind, lines_before + first, *count);
        }
    }

    fn add_lines(&mut self, kind: LineKind, line: u64, count: u64) {
        let (first, total) = self.0.entry(kind).or_insert((line, 0));
        (*first, *total) = ((*first).min(line), *total + count);
    }

    /// The error of a command that read nothing else, if there are such lines: what came, and which
    /// command is missing.
    pub fn error(&self, stage: Stage) -> Option<Error> {
        let (kind, (first, count)) = self.0.iter().max_by_key(|(_, (_, count))| *count)?;
        let lines = format_count(*count, kind.unit());
        let reads = match stage {
            Stage::Normalize => "normalize reads raw lines and event exports",
            Stage::Aggregate => "records are expected",
            Stage::Publish => "metric lines are expected",
            Stage::Lint => "lint reads events as they were written",
        };
        let advice = match (stage, kind) {
            (Stage::Lint, _) => "pass it what \"duo-metrics normalize\" would read",
            (Stage::Aggregate, LineKind::Raw) => "put \"duo-metrics normalize\" before this command",
            (Stage::Publish, LineKind::Raw) => {
                "put \"duo-metrics normalize | duo-metrics aggregate\" before this command"
            }
            (Stage::Publish, _) => "put \"duo-metrics aggregate\" before this command",
            (Stage::Normalize | Stage::Aggregate, _) => {
                "they are the output of \"duo-metrics aggregate\": pass them to \"duo-metrics dashboard\" or \"duo-metrics export\""
            }
        };
        Some(Error::Input(format!("the input has {lines}, the first in line {first}, but {reads}; {advice}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_kind_is_named_with_its_first_line() {
        let mut misplaced = Misplaced::default();
        assert!(misplaced.error(Stage::Publish).is_none());
        let mut chunk = Misplaced::default();
        chunk.add(7, LineKind::Raw);
        chunk.add(3, LineKind::Record);
        chunk.add(2, LineKind::Record);
        misplaced.add_chunk(100, &chunk);
        misplaced.add_chunk(50, &chunk);
        let error = misplaced.error(Stage::Publish).expect("an error");
        let text = error.to_string();
        assert!(text.starts_with("the input has 4 records, the first in line 52, "), "{text}");
        assert!(text.ends_with("put \"duo-metrics aggregate\" before this command"), "{text}");
        assert_eq!(error.code(), 65);
    }
}

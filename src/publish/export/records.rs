//! Records as CSV: one header for all types, so that rows can be written as they arrive.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::publish::spreadsheet::CsvWriter;

/// The columns: type and identity, then the fields of each type. A field of a record, coverage or
/// rollup line is in the column of the same name.
pub const COLUMNS: &[&str] = &[
    "type",
    "instance",
    "collector",
    "scope",
    "day",
    "fetched_at",
    "row",
    // Events.
    "ts",
    "event",
    "feature",
    "user",
    "username",
    "bot",
    "language",
    "language_original",
    "ide",
    "ide_original",
    "lines",
    "namespace",
    "project",
    "session",
    "flow",
    "environment",
    "tool",
    "model",
    "model_engine",
    "model_provider",
    "agent",
    "agent_type",
    "flow_version",
    "user_type",
    "global_user_id",
    "outcome",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "cache_write",
    "source",
    "tracking_id",
    "event_id",
    "context",
    // Seats and purchases.
    "assigned",
    "add_on",
    "last_duo_activity_on",
    "purchase",
    "purchased",
    // Members.
    "team",
    // Merge requests, pipelines and projects.
    "project_id",
    "iid",
    "id",
    "author",
    "state",
    "status",
    "created_at",
    "merged_at",
    "finished_at",
    "duration",
    "additions",
    "deletions",
    "archived",
    "languages",
    // Credits, and totals by GitLab.
    "date",
    "product",
    "credits",
    "start",
    "end",
    "values",
    // Credits of a month.
    "used",
    "commitment",
    "commitment_used",
    "waiver",
    "waiver_used",
    "overage_used",
    "overage_allowed",
    "active_users",
    "blocked_users",
    "subscription_cap",
    "user_cap",
    "last_event_at",
    // DORA values.
    "measure",
    "period",
    "value",
    // Coverage; events have a reason too.
    "rows",
    "reason",
    "unreadable",
    "key_check",
    "shrunk",
    "named",
    // Rollups.
    "kind",
    "part",
    "events",
    "sized",
    // Agent rollups.
    "users",
    "bots",
    "flows",
    "environments",
    "steps",
    "succeeded",
    "failed",
    "input_told",
    "output_told",
    "cache_read_told",
    "cache_write_5m_told",
    "cache_write_1h_told",
    "cache_write_told",
    "uncached_input",
    "inclusive_events",
    "inclusive_input",
    "inclusive_cache_read",
    // Aggregates of GitLab, and single agent sessions.
    "sessions",
    "finished",
    "p50",
    "p95",
    "shown",
    "accepted",
    "rejected",
    "updated_at",
    // The AI Context of events and of session rollups.
    "item_type",
    "item",
    "item_version",
    "component",
    "agents",
    "flow_versions",
    "item_types",
    "items",
];

/// The columns of days and timestamps, which a spreadsheet can show as dates.
const DATE_COLUMNS: &[&str] = &[
    "day",
    "fetched_at",
    "ts",
    "last_duo_activity_on",
    "created_at",
    "merged_at",
    "finished_at",
    "updated_at",
    "last_event_at",
    "date",
    "start",
    "end",
    "period",
];

/// Writes records as rows of CSV.
pub struct RecordCsvWriter<W: Write>(CsvWriter<W>);

impl<W: Write> RecordCsvWriter<W> {
    /// A writer of rows without the header, so that threads can write parts of one file.
    pub fn new(output: W) -> RecordCsvWriter<W> {
        RecordCsvWriter(CsvWriter::new(output))
    }

    /// Flushes, and returns the underlying writer.
    pub fn into_inner(self) -> io::Result<W> {
        self.0.into_inner()
    }

    /// Writes a record, coverage or rollup line. A null or absent field is an empty cell, and a
    /// nested object is JSON. Fails if the line has a field without a column.
    pub fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        let Value::Object(mut fields) = serde_json::to_value(line)? else {
            return Err(io::Error::other("the line is not a JSON object"));
        };
        for column in COLUMNS {
            match fields.remove(*column) {
                None | Some(Value::Null) => self.0.label("")?,
                Some(Value::String(text)) if DATE_COLUMNS.contains(column) => self.0.value(Some(text))?,
                Some(Value::String(text)) => self.0.label(&text)?,
                Some(value) => self.0.value(Some(value))?,
            }
        }
        match fields.keys().next() {
            None => self.0.end_row(),
            Some(field) => Err(io::Error::other(format!("the field {field} has no column"))),
        }
    }

    /// Flushes the underlying writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl RecordCsvWriter<Vec<u8>> {
    /// Writes the header.
    pub fn header(output: &mut impl Write) -> io::Result<()> {
        let mut writer = CsvWriter::new(output);
        writer.row(COLUMNS)?;
        writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_column_is_there_twice() {
        let names: std::collections::BTreeSet<&str> = COLUMNS.iter().copied().collect();
        assert_eq!(names.len(), COLUMNS.len());
    }
}

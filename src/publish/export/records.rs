//! Records as a table: one heading for all types, so that rows can be written as they come.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::publish::spreadsheet::Sheet;

/// The columns: type and identity, what says who and what, then what the types have of their own. A field of a record,
/// coverage or rollup line is in the column of its name.
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
    // Seats, and purchases of seats.
    "assigned",
    "add_on",
    "last_duo_activity_on",
    "purchase",
    "purchased",
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
    // Credits, and what GitLab counted itself.
    "date",
    "product",
    "credits",
    "start",
    "end",
    "values",
    // DORA figures.
    "measure",
    "period",
    "value",
    // Coverage; an event has a reason too.
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
    // Rollups of agents.
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
];

/// The columns that hold days and moments, which a spreadsheet may show as such.
const STAMPS: &[&str] = &[
    "day",
    "fetched_at",
    "ts",
    "last_duo_activity_on",
    "created_at",
    "merged_at",
    "finished_at",
    "date",
    "start",
    "end",
    "period",
];

/// Records as rows.
pub struct RecordSheet<W: Write>(Sheet<W>);

impl<W: Write> RecordSheet<W> {
    /// Rows without a heading, so that parts of a sheet can be made side by side.
    pub fn new(output: W) -> RecordSheet<W> {
        RecordSheet(Sheet::new(output))
    }

    /// What was written to.
    pub fn into_inner(self) -> io::Result<W> {
        self.0.into_inner()
    }

    /// Writes a record, coverage or rollup line. What is null or absent is an empty cell, and numbers by name are JSON. Fails
    /// when the line has a field without a column.
    pub fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        let Value::Object(mut fields) = serde_json::to_value(line)? else {
            return Err(io::Error::other("a line is no object"));
        };
        for column in COLUMNS {
            match fields.remove(*column) {
                None | Some(Value::Null) => self.0.cell("")?,
                Some(Value::String(text)) if STAMPS.contains(column) => self.0.value(Some(text))?,
                Some(Value::String(text)) => self.0.cell(&text)?,
                Some(value) => self.0.value(Some(value))?,
            }
        }
        match fields.keys().next() {
            None => self.0.end_row(),
            Some(field) => Err(io::Error::other(format!("the field {field} has no column"))),
        }
    }

    /// Hands everything on.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl RecordSheet<Vec<u8>> {
    /// Writes the heading.
    pub fn heading(output: &mut impl Write) -> io::Result<()> {
        let mut sheet = Sheet::new(output);
        sheet.row(COLUMNS)?;
        sheet.flush()
    }
}

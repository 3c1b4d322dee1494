//! Tables with a header, as databases and warehouses export them: GitLab's `ai_usage_events`, and
//! enriched Snowplow events with any subset of their columns in any order.

use serde_json::{Map, Value};

use super::{Found, enriched, usage_table};

/// The header of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    columns: Vec<String>,
    delimiter: u8,
    kind: TableKind,
}

/// The contents of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TableKind {
    UsageEvents,
    Enriched,
}

/// The delimiters of CSV, TSV, CSV in locales with a decimal comma, and Amazon Redshift's `UNLOAD`.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

impl Header {
    /// Parses a header; `None` if the line is not one.
    pub fn parse(line: &str) -> Option<Header> {
        // Every row is checked, because another table can follow. This rules out most of them
        // cheaply.
        let has_timestamp = ["stamp", "STAMP"].iter().any(|word| line.contains(word));
        if !has_timestamp || line.starts_with('{') {
            return None;
        }
        DELIMITERS.iter().find_map(|delimiter| {
            if !line.as_bytes().contains(delimiter) {
                return None;
            }
            let columns: Vec<String> =
                cells(line, *delimiter)?.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
            let has = |name: &&str| columns.iter().any(|column| column == name);
            let kind = if usage_table::COLUMNS.iter().all(&has) {
                TableKind::UsageEvents
            } else if has(&"se_action") && enriched::TIMES.iter().any(has) {
                TableKind::Enriched
            } else {
                return None;
            };
            Some(Header { columns, delimiter: *delimiter, kind })
        })
    }

    /// Whether a line can be a row below this header, rather than a line of another form.
    pub(super) fn is_of(&self, line: &str) -> bool {
        let has_all_columns = self.delimiter == b'\t' && line.matches('\t').count() + 1 == self.columns.len();
        !line.starts_with('[') && (has_all_columns || !enriched::is_separated(line))
    }

    /// The event of a row.
    pub(super) fn read(&self, line: &str) -> Found {
        let Some(cells) = cells(line, self.delimiter) else {
            return Found::one(Err("not a valid CSV line".to_owned()));
        };
        if cells.len() != self.columns.len() {
            let reason =
                format!("expected {} columns as in the header, found {}", self.columns.len(), cells.len());
            return Found::one(Err(reason));
        }
        // psql, ClickHouse and Snowflake write null as an empty cell, `\N` or `NULL`.
        let is_present = |cell: &String| !cell.is_empty() && cell != "\\N" && cell != "NULL";
        let present = self.columns.iter().zip(cells).filter(|(_, cell)| is_present(cell));
        let mut row: Map<String, Value> = present.map(|(name, cell)| (name.clone(), cell.into())).collect();
        match self.kind {
            TableKind::UsageEvents => usage_table::read(row),
            TableKind::Enriched => {
                // A query for GitLab's events need not select the kind of event.
                row.entry("event").or_insert_with(|| "struct".into());
                enriched::read_json(row)
            }
        }
    }
}

/// The cells of a line.
fn cells(line: &str, delimiter: u8) -> Option<Vec<String>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(line.as_bytes());
    let mut records = reader.records();
    let record = records.next()?.ok()?;
    records.next().is_none().then(|| record.iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_headers_by_their_columns_in_any_format() {
        for line in [
            "id,timestamp,user_id,event",
            "ID;TIMESTAMP;USER_ID;EVENT",
            "event\ttimestamp\tuser_id",
            "event|timestamp|user_id|extras",
            "\"event\",\"user_id\",\"timestamp\"",
            "EVENT_ID,COLLECTOR_TSTAMP,SE_ACTION",
        ] {
            assert!(Header::parse(line).is_some(), "{line}");
        }
        for line in
            ["timestamp", "a,timestamp,event", "event_id,collector_tstamp", "{\"a\":\"timestamp\"}", ""]
        {
            assert_eq!(Header::parse(line), None, "{line}");
        }
    }
}

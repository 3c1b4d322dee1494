//! Tables with a heading, as databases and warehouses export them: `ai_usage_events` of GitLab, and enriched Snowplow
//! events with their columns in any number and order.

use serde_json::{Map, Value};

use super::{Found, enriched, usage_table};

/// The columns of a table with a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    columns: Vec<String>,
    delimiter: u8,
    kind: Kind,
}

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    UsageEvents,
    Enriched,
}

/// What separates cells: CSV, TSV, CSV where the comma is in numbers, and Amazon Redshift's `UNLOAD`.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

impl Heading {
    /// The heading in a line; `None` where the line is none.
    pub fn parse(line: &str) -> Option<Heading> {
        // Every row is looked at, so that tables can be put one behind the other: most are dismissed by this.
        let is_stamped = ["stamp", "STAMP"].iter().any(|word| line.contains(word));
        if !is_stamped || line.starts_with('{') {
            return None;
        }
        DELIMITERS.iter().find_map(|delimiter| {
            if !line.as_bytes().contains(delimiter) {
                return None;
            }
            let columns: Vec<String> =
                cells(line, *delimiter)?.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
            let has = |name: &&str| columns.iter().any(|column| column == name);
            let kind = match () {
                () if usage_table::COLUMNS.iter().all(&has) => Kind::UsageEvents,
                () if has(&"se_action") && enriched::TIMES.iter().any(has) => Kind::Enriched,
                () => return None,
            };
            Some(Heading { columns, delimiter: *delimiter, kind })
        })
    }

    /// Whether a line may be a row below it, rather than one of another form.
    pub(super) fn is_of(&self, line: &str) -> bool {
        let is_as_wide = self.delimiter == b'\t' && line.matches('\t').count() + 1 == self.columns.len();
        !line.starts_with('[') && (is_as_wide || !enriched::is_separated(line))
    }

    /// The event of a row.
    pub(super) fn read(&self, line: &str) -> Found {
        let Some(cells) = cells(line, self.delimiter) else {
            return Found::one(Err("not a line of CSV".to_owned()));
        };
        if cells.len() != self.columns.len() {
            let reason = format!("{} columns where the heading has {}", cells.len(), self.columns.len());
            return Found::one(Err(reason));
        }
        // psql, ClickHouse and Snowflake have words of their own for null, if any.
        let is_present = |cell: &String| !cell.is_empty() && cell != "\\N" && cell != "NULL";
        let present = self.columns.iter().zip(cells).filter(|(_, cell)| is_present(cell));
        let mut row: Map<String, Value> = present.map(|(name, cell)| (name.clone(), cell.into())).collect();
        match self.kind {
            Kind::UsageEvents => usage_table::read(row),
            Kind::Enriched => {
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
    fn headings_are_known_by_their_columns_in_every_spelling() {
        for line in [
            "id,timestamp,user_id,event",
            "ID;TIMESTAMP;USER_ID;EVENT",
            "event\ttimestamp\tuser_id",
            "event|timestamp|user_id|extras",
            "\"event\",\"user_id\",\"timestamp\"",
            "EVENT_ID,COLLECTOR_TSTAMP,SE_ACTION",
        ] {
            assert!(Heading::parse(line).is_some(), "{line}");
        }
        for line in
            ["timestamp", "a,timestamp,event", "event_id,collector_tstamp", "{\"a\":\"timestamp\"}", ""]
        {
            assert_eq!(Heading::parse(line), None, "{line}");
        }
    }
}

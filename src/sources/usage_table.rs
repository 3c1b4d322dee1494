//! Rows of GitLab's table `ai_usage_events`, dumped from PostgreSQL or ClickHouse as JSON lines or as CSV with a heading.

use serde_json::{Map, Value};

use super::observed::{Form, Observed, Who};
use super::scalar::{count, is_digits, take, text_in};
use super::{Found, parsed};
use crate::events;

/// The columns that a row has to have.
const NEEDED: [&str; 3] = ["event", "timestamp", "user_id"];

/// The columns of a dump with a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading(Vec<String>);

impl Heading {
    /// The heading in a line; `None` where the line is none.
    pub fn parse(line: &str) -> Option<Heading> {
        let columns = cells(line)?;
        let has = |name: &&str| columns.iter().any(|column| column == name);
        NEEDED.iter().all(has).then_some(Heading(columns))
    }
}

/// Whether an object is a row: it numbers its event.
pub(super) fn is_row(object: &Map<String, Value>) -> bool {
    let is_numbered = |event: &Value| event.is_u64() || event.as_str().is_some_and(is_digits);
    object.get("event").is_some_and(is_numbered) && NEEDED.iter().all(|name| object.contains_key(*name))
}

/// The event of a row.
pub(super) fn read(mut row: Map<String, Value>) -> Found {
    Found::one(event(&mut row))
}

/// The event of a line of a dump with this heading.
pub(super) fn read_line(line: &str, heading: &Heading) -> Found {
    let Some(cells) = cells(line) else { return Found::one(Err("not a line of CSV".to_owned())) };
    if cells.len() != heading.0.len() {
        let reason = format!("{} columns where the heading has {}", cells.len(), heading.0.len());
        return Found::one(Err(reason));
    }
    // psql and ClickHouse have words of their own for null, if any.
    let told = |cell: &String| !cell.is_empty() && cell != "\\N" && cell != "NULL";
    let told = heading.0.iter().zip(cells).filter(|(_, cell)| told(cell));
    let mut row: Map<String, Value> = told.map(|(name, cell)| (name.clone(), cell.into())).collect();
    Found::one(event(&mut row))
}

fn event(row: &mut Map<String, Value>) -> Result<Observed, String> {
    let number = row.get("event").and_then(count).ok_or("an event without a number")?;
    let name = events::by_number(number).into_owned();
    let path = ["namespace_path", "traversal_path"].iter().find_map(|name| text_in(row, name));
    let timestamp = text_in(row, "timestamp");
    let user = take(row, "user_id").map(|id| Who { id: Some(id), ..Who::default() });
    let namespace = take(row, "namespace_id");
    let extra = match take(row, "extras") {
        Some(Value::Object(extra)) => extra,
        Some(Value::String(text)) => parsed(&text).map_err(|reason| format!("extras: {reason}"))?,
        Some(_) => return Err("extras that are no object".to_owned()),
        // The older tables of ClickHouse have columns in their place.
        None => ["unique_tracking_id", "language", "suggestion_size"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), take(row, name)?)))
            .collect(),
    };
    Ok(Observed {
        form: Some(Form::UsageTable),
        event: Some(name),
        timestamp,
        user,
        namespace,
        // The path of what is in no namespace.
        namespace_path: path.filter(|path| path != "0/"),
        extra,
        ..Observed::default()
    })
}

/// The cells of a line of CSV.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let mut records = reader.records();
    let record = records.next()?.ok()?;
    records.next().is_none().then(|| record.iter().map(str::to_owned).collect())
}

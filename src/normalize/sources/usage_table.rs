//! Rows of GitLab's table `ai_usage_events`, dumped from PostgreSQL or ClickHouse as JSON lines or
//! as CSV with a header.

use serde_json::{Map, Value};

use super::observed::{Form, Observed, UserRef};
use super::{Found, parsed};
use crate::events::features;
use crate::model::scalar::{count, is_digits, take, text_in};

/// The required columns.
pub(super) const COLUMNS: [&str; 3] = ["event", "timestamp", "user_id"];

/// Whether an object is a row: its event is a number.
pub(super) fn is_row(object: &Map<String, Value>) -> bool {
    let is_number = |event: &Value| event.is_u64() || event.as_str().is_some_and(is_digits);
    object.get("event").is_some_and(is_number) && COLUMNS.iter().all(|name| object.contains_key(*name))
}

/// The event of a row.
pub(super) fn read(mut row: Map<String, Value>) -> Found {
    Found::one(event(&mut row))
}

fn event(row: &mut Map<String, Value>) -> Result<Observed, String> {
    let number = row.get("event").and_then(count).ok_or("the event has no valid number")?;
    let name = features::by_number(number).into_owned();
    let path = ["namespace_path", "traversal_path"].iter().find_map(|name| text_in(row, name));
    let timestamp = text_in(row, "timestamp");
    let user = take(row, "user_id").map(|id| UserRef { id: Some(id), ..UserRef::default() });
    let namespace = take(row, "namespace_id");
    let extra = match take(row, "extras") {
        Some(Value::Object(extra)) => extra,
        Some(Value::String(text)) => parsed(&text).map_err(|reason| format!("extras: {reason}"))?,
        Some(_) => return Err("extras is not an object".to_owned()),
        // Older tables of ClickHouse have these columns instead.
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
        // `0/` is the path of events outside every namespace.
        namespace_path: path.filter(|path| path != "0/"),
        extra,
        ..Observed::default()
    })
}

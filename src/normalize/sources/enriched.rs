//! Enriched Snowplow events: the JSON of Snowplow's own libraries, tab-separated values, and the
//! list of Snowplow Micro.

use serde_json::{Map, Value};

use super::context;
use super::observed::{Form, Observed};
use super::{Found, parsed};
use crate::model::scalar::{take, text_in};

/// The columns of the tab-separated form that are read, by index.
const COLUMNS: &[(usize, &str)] = &[
    (3, "collector_tstamp"),
    (4, "dvce_created_tstamp"),
    (5, "event"),
    (6, "event_id"),
    (53, "se_category"),
    (54, "se_action"),
    (55, "se_label"),
    (56, "se_property"),
    (57, "se_value"),
    (124, "derived_tstamp"),
    (130, "true_tstamp"),
];

/// The index of the contexts.
const CONTEXTS_COLUMN: usize = 52;

/// The number of columns.
const COLUMN_COUNT: usize = 131;

/// The fewest columns of a line that counts as a damaged event rather than as something else.
const MIN_COLUMNS: usize = 10;

/// The fields with the timestamp, in order of preference. The tracker's own time comes before the
/// one that Snowplow derives from it, because every form of an event has it: so the same event has
/// the same time in all forms.
pub(super) const TIMES: [&str; 4] =
    ["true_tstamp", "dvce_created_tstamp", "derived_tstamp", "collector_tstamp"];

/// Whether an object is an enriched event.
pub(super) fn is_enriched(object: &Map<String, Value>) -> bool {
    let has_timestamp = ["collector_tstamp", "dvce_created_tstamp", "se_action", "etl_tstamp"]
        .iter()
        .any(|name| object.contains_key(*name));
    has_timestamp && object.get("event").is_some_and(Value::is_string)
}

/// Whether an object is an event of Snowplow Micro.
pub(super) fn is_micro(object: &Map<String, Value>) -> bool {
    object.contains_key("rawEvent") && (object.contains_key("event") || object.contains_key("errors"))
}

/// Whether a line is tab-separated.
pub(super) fn is_separated(line: &str) -> bool {
    !line.starts_with(['{', '[']) && memchr::memchr_iter(b'\t', line.as_bytes()).count() + 1 >= MIN_COLUMNS
}

/// The event in an object.
pub(super) fn read_json(object: Map<String, Value>) -> Found {
    read(object, Form::SnowplowJson)
}

/// The event in an entry of Micro's list.
pub(super) fn read_micro(mut entry: Map<String, Value>) -> Found {
    match entry.remove("event") {
        Some(Value::Object(event)) => read(event, Form::Micro),
        _ if entry.contains_key("errors") => Found::one(Err("rejected by Snowplow".to_owned())),
        _ => Found::one(Err("the entry has no event".to_owned())),
    }
}

/// The event in a tab-separated line.
pub(super) fn read_separated(line: &str) -> Found {
    let line = line.strip_suffix('\r').unwrap_or(line);
    if memchr::memchr(0, line.as_bytes()).is_some() {
        return Found::one(Err("contains a NUL byte".to_owned()));
    }
    let cells: Vec<&str> = line.split('\t').collect();
    if cells.len() != COLUMN_COUNT {
        return Found::one(Err(format!(
            "expected {COLUMN_COUNT} columns of an enriched event, found {}",
            cells.len()
        )));
    }
    let mut object = Map::new();
    for (place, name) in COLUMNS {
        if !cells[*place].is_empty() {
            object.insert((*name).to_owned(), cells[*place].into());
        }
    }
    if !cells[CONTEXTS_COLUMN].is_empty() {
        match parsed(cells[CONTEXTS_COLUMN]) {
            Ok(contexts) => object.insert("contexts".to_owned(), contexts.into()),
            Err(reason) => return Found::one(Err(format!("contexts: {reason}"))),
        };
    }
    read(object, Form::SnowplowTsv)
}

fn read(mut object: Map<String, Value>, form: Form) -> Found {
    // Page views and other kinds are Snowplow's own; GitLab's events are structured events.
    if object.get("event").and_then(Value::as_str) != Some("struct") {
        return Found::Nothing;
    }
    let mut event = Observed {
        form: Some(form),
        event: text_in(&object, "se_action"),
        timestamp: TIMES.iter().find_map(|name| text_in(&object, name)),
        event_id: text_in(&object, "event_id"),
        category: text_in(&object, "se_category"),
        label: take(&mut object, "se_label"),
        property: take(&mut object, "se_property"),
        value: take(&mut object, "se_value"),
        ..Observed::default()
    };
    let added = match take(&mut object, "contexts") {
        Some(contexts) => parse_if_text(contexts).and_then(|contexts| context::add_all(contexts, &mut event)),
        None => object.into_iter().try_for_each(|(key, value)| {
            let Some(key) = key.strip_prefix("contexts_com_gitlab_") else { return Ok(()) };
            // The version of the schema follows the name.
            let name = key.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
            match parse_if_text(value)? {
                Value::Array(contexts) => {
                    contexts.into_iter().try_for_each(|context| context::add(name, context, &mut event))
                }
                Value::Null => Ok(()),
                context => context::add(name, context, &mut event),
            }
        }),
    };
    Found::one(added.map(|()| event))
}

/// Parses a value that a warehouse stores as text.
fn parse_if_text(value: Value) -> Result<Value, String> {
    match value {
        Value::String(text) if text.trim().is_empty() => Ok(Value::Null),
        Value::String(text) => {
            crate::model::line::parse_json(&text).map_err(|reason| format!("contexts: {reason}"))
        }
        value => Ok(value),
    }
}

//! Events of a Snowplow tracker: the body of its request, or GitLab's own record of it in
//! `product_usage_data.log`.

use serde_json::{Map, Value};

use super::observed::{Form, Observed};
use super::{Found, base64, context, parsed, timestamp};
use crate::model::scalar::{take, text_in};

/// The message of a line of GitLab's log about a sent event.
const SENDING_MESSAGE: &str = "sending event";

/// Whether an object is the body of a request of a tracker.
pub(super) fn is_payload(object: &Map<String, Value>) -> bool {
    let schema = object.get("schema").and_then(Value::as_str);
    schema.is_some_and(|schema| schema.contains("/payload_data/"))
}

/// Whether an object is a single event of such a body.
pub(super) fn is_event(object: &Map<String, Value>) -> bool {
    object.get("e").is_some_and(Value::is_string)
        && (object.contains_key("tv") || object.contains_key("se_ac"))
}

/// Whether an object is a line of `product_usage_data.log`.
pub(super) fn is_logged(object: &Map<String, Value>) -> bool {
    object.get("message").and_then(Value::as_str) == Some(SENDING_MESSAGE) && object.contains_key("payload")
}

/// The events in the body of a request.
pub(super) fn read_payload(mut object: Map<String, Value>) -> Found {
    let Some(Value::Array(events)) = object.remove("data") else {
        return Found::one(Err("the payload has no list of events".to_owned()));
    };
    let mut found = Vec::with_capacity(events.len());
    for event in events {
        match event {
            Value::Object(event) => found.push(read(event, Form::Tp2)),
            _ => found.push(Some(Err("the event is not an object".to_owned()))),
        }
    }
    Found::from_list(found)
}

/// A single event of such a body.
pub(super) fn read_event(event: Map<String, Value>) -> Found {
    Found::from_list([read(event, Form::Tp2)])
}

/// The event in a line of `product_usage_data.log`.
pub(super) fn read_logged(mut line: Map<String, Value>) -> Found {
    let event = match line.remove("payload") {
        Some(Value::Object(event)) => Ok(event),
        Some(Value::String(text)) => parsed(&text).map_err(|reason| format!("payload: {reason}")),
        _ => Err("the payload is not an object".to_owned()),
    };
    match event {
        Ok(event) => Found::from_list([read(event, Form::ProductUsageLog)]),
        Err(reason) => Found::one(Err(reason)),
    }
}

/// The event; `None` if it is not a structured event.
fn read(mut event: Map<String, Value>, form: Form) -> Option<Result<Observed, String>> {
    if event.get("e").and_then(Value::as_str) != Some("se") {
        return None;
    }
    let time = ["ttm", "dtm"].iter().find_map(|name| text_in(&event, name));
    let mut observed = Observed {
        form: Some(form),
        event: text_in(&event, "se_ac"),
        // An invalid number of milliseconds is kept, so that it is reported as an invalid
        // timestamp.
        timestamp: time.map(|time| timestamp::rfc_3339_of_milliseconds(&time).unwrap_or(time)),
        event_id: text_in(&event, "eid"),
        category: text_in(&event, "se_ca"),
        label: take(&mut event, "se_la"),
        property: take(&mut event, "se_pr"),
        value: take(&mut event, "se_va"),
        ..Observed::default()
    };
    let added = match contexts(&mut event) {
        Ok(Some(contexts)) => context::add_all(contexts, &mut observed),
        Ok(None) => Ok(()),
        Err(reason) => Err(reason),
    };
    Some(added.map(|()| observed))
}

/// The contexts, in base64 or as JSON.
fn contexts(event: &mut Map<String, Value>) -> Result<Option<Value>, String> {
    if let Some(encoded) = text_in(event, "cx") {
        let bytes = base64::decode(&encoded).ok_or("contexts: invalid or truncated base64")?;
        // A text truncated within a character does not invalidate the contexts.
        return parsed(&String::from_utf8_lossy(&bytes))
            .map(|contexts| Some(contexts.into()))
            .map_err(|reason| format!("contexts: {reason}"));
    }
    match take(event, "co") {
        Some(Value::String(text)) => parsed(&text)
            .map(|contexts| Some(contexts.into()))
            .map_err(|reason| format!("contexts: {reason}")),
        contexts => Ok(contexts),
    }
}

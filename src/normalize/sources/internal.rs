//! Internal events: objects shaped like the calls of the instrumentation guide, and requests to
//! GitLab's events API.

use serde_json::{Map, Value};

use super::observed::{Form, Observed, UserRef};
use super::{Found, context};
use crate::model::scalar::{boolean, id, take, text_in};

/// Whether an object is an internal event. A name alone is not sufficient.
pub(super) fn is_event(object: &Map<String, Value>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    object.get("event").is_some_and(Value::is_string)
        && has(&[
            "additional_properties",
            "ai_context",
            "standard_context",
            "send_to_snowplow",
            "user",
            "user_id",
            "project_id",
            "namespace_id",
            "classification",
        ])
}

/// Whether an object is a request with several events.
pub(super) fn is_batch(object: &Map<String, Value>) -> bool {
    object.len() == 1
        && object
            .get("events")
            .and_then(Value::as_array)
            .is_some_and(|events| events.iter().any(|event| event.as_object().is_some_and(is_event)))
}

/// The events of a request with several.
pub(super) fn read_batch(mut object: Map<String, Value>) -> Found {
    let Some(Value::Array(events)) = object.remove("events") else { return Found::Nothing };
    let read = |event| match event {
        Value::Object(event) => event_in(event),
        _ => Err("the event is not an object".to_owned()),
    };
    Found::from_list(events.into_iter().map(read).map(Some))
}

/// The event in an object.
pub(super) fn read(object: Map<String, Value>) -> Found {
    Found::one(event_in(object))
}

fn event_in(mut object: Map<String, Value>) -> Result<Observed, String> {
    let is_call =
        ["timestamp", "time", "user", "ai_context", "event_id"].iter().any(|name| object.contains_key(*name));
    let mut extra = take_object_field(&mut object, "additional_properties")?.unwrap_or_default();
    let mut base = |name: &str| take(&mut extra, name).or_else(|| take(&mut object, name));
    let (label, property, value) = (base("label"), base("property"), base("value"));
    let timestamp = ["timestamp", "time"].iter().find_map(|name| text_in(&object, name));
    let user = match take(&mut object, "user") {
        Some(Value::Object(mut user)) => Some(UserRef {
            username: text_in(&user, "username"),
            bot: user.get("bot").and_then(boolean),
            id: take(&mut user, "id"),
        }),
        user => user
            .or_else(|| take(&mut object, "user_id"))
            .map(|id| UserRef { id: Some(id), ..UserRef::default() }),
    };
    let mut event = Observed {
        form: Some(if is_call { Form::InternalEvent } else { Form::EventsApi }),
        event: text_in(&object, "event"),
        // The events API uses the time of the request, unless an IDE sends another one.
        timestamp: timestamp.or_else(|| text_in(&extra, "timestamp")),
        event_id: text_in(&object, "event_id"),
        category: text_in(&object, "category"),
        label,
        property,
        value,
        user,
        project: owner_id(&mut object, "project", "project_id"),
        namespace: owner_id(&mut object, "namespace", "namespace_id"),
        classification: take(&mut object, "classification"),
        extra,
        standard: take_object_field(&mut object, "standard_context")?,
        ai: take_object_field(&mut object, "ai_context")?,
        ..Observed::default()
    };
    context::take_extra(&mut event);
    Ok(event)
}

/// The id of a project or namespace, which is an object with an id, or the id itself.
fn owner_id(object: &mut Map<String, Value>, name: &str, id_name: &str) -> Option<Value> {
    match take(object, name) {
        Some(Value::Object(mut owner)) => take(&mut owner, "id"),
        Some(other) if id(&other).is_some() => Some(other),
        _ => take(object, id_name),
    }
}

/// Takes an object out of a field.
fn take_object_field(
    object: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<Map<String, Value>>, String> {
    match take(object, name) {
        None => Ok(None),
        Some(Value::Object(part)) => Ok(Some(part)),
        Some(_) => Err(format!("{name} is not an object")),
    }
}

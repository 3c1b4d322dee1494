//! The contexts of a Snowplow event: objects with the name of their schema.

use serde_json::{Map, Value};

use super::observed::Observed;
use crate::model::scalar::take_object;

/// Adds a list of contexts to an event: `{"schema": …, "data": [{"schema": …, "data": {…}}, …]}`.
pub(super) fn add_all(list: Value, event: &mut Observed) -> Result<(), String> {
    let Value::Object(mut list) = list else { return Err("contexts: not an object".to_owned()) };
    let contexts = match list.remove("data") {
        Some(Value::Array(contexts)) => contexts,
        // Snowplow Micro writes an empty object if there are none.
        None if list.is_empty() => Vec::new(),
        _ => return Err("contexts: no list".to_owned()),
    };
    for context in contexts {
        let Value::Object(mut context) = context else {
            return Err("contexts: an element is not an object".to_owned());
        };
        let Some(Value::String(schema)) = context.remove("schema") else {
            return Err("contexts: an element has no schema".to_owned());
        };
        let name = schema.strip_prefix("iglu:com.gitlab/").and_then(|rest| rest.split('/').next());
        if let Some(name) = name {
            add(name, context.remove("data").unwrap_or_default(), event)?;
        }
    }
    Ok(())
}

/// Adds a context of this name to an event. Other contexts are ignored; the first one of a name
/// counts.
pub(super) fn add(name: &str, data: Value, event: &mut Observed) -> Result<(), String> {
    let place = match name {
        "gitlab_standard" => &mut event.standard,
        "ai_context" => &mut event.ai,
        "billable_usage" | "event_construct" => &mut event.billing,
        _ => return Ok(()),
    };
    let Value::Object(data) = data else { return Err(format!("contexts: {name} is not an object")) };
    place.get_or_insert(data);
    if name == "gitlab_standard" {
        take_extra(event);
    }
    Ok(())
}

/// Moves the custom properties out of the Standard Context.
pub(super) fn take_extra(event: &mut Observed) {
    if let Some(extra) = event.standard.as_mut().and_then(|standard| take_object(standard, "extra")) {
        let existing: Map<String, Value> = std::mem::take(&mut event.extra);
        event.extra = extra;
        event.extra.extend(existing);
    }
}

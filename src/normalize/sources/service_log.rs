//! The log of the Duo Workflow Service and of the AI Gateway: JSON lines, two kinds of which report
//! events.
//!
//! Every model call is logged, with its model. Its event is logged only if events are sent, with
//! its flow and agent. These are two sources of the same calls; `aggregate` selects one of them for
//! each day.

use serde_json::{Map, Value};

use super::Found;
use super::observed::{Form, Observed};
use super::record::TOKEN_FIELDS;
use crate::model::scalar::{id, take, text_in};

/// The message of a line about a sent event.
const EVENT_MESSAGE: &str = "Building AIContext";

/// The message of a line about a model call.
const CALL_MESSAGE: &str = "LLM call finished with token usage";

/// The event of a model call in a session.
const CALL_IN_SESSION: &str = "token_usage_duo_agent_platform";

/// The event of a model call outside a session.
const OTHER_CALL: &str = "token_usage_ai_gateway";

const AI_CONTEXT: [&str; 13] = [
    "session_id",
    "workflow_id",
    "flow_type",
    "flow_name",
    "flow_version",
    "flow_registry_version",
    "agent_name",
    "agent_type",
    "component_name",
    "custom_item_id",
    "item_type",
    "item_version",
    "item_schema_version",
];

/// The fields that the service logs about the instance of a request, and their names in the
/// Standard Context.
const STANDARD_CONTEXT: [(&str, &str); 8] = [
    ("gitlab_realm", "realm"),
    ("gitlab_instance_id", "instance_id"),
    ("gitlab_host_name", "host_name"),
    ("gitlab_version", "instance_version"),
    ("gitlab_global_user_id", "global_user_id"),
    ("correlation_id", "correlation_id"),
    ("client_type", "client_type"),
    ("gitlab_feature_enablement_type", "feature_enablement_type"),
];

const MODEL: [&str; 3] = ["model_engine", "model_name", "model_provider"];

/// Whether an object is a line of such a log, with or without an event.
pub(super) fn is_line(object: &Map<String, Value>) -> bool {
    message(object).is_some() && ["level", "logger", "severity"].iter().any(|name| object.contains_key(*name))
}

/// Whether a line of such a log is one of the two kinds that are read.
pub(super) fn is_event(object: &Map<String, Value>) -> bool {
    is_line(object) && matches!(message(object), Some(EVENT_MESSAGE | CALL_MESSAGE))
}

/// The message: the service calls it `event`, the gateway `message`.
fn message(object: &Map<String, Value>) -> Option<&str> {
    ["message", "event"].iter().find_map(|name| object.get(*name)?.as_str())
}

/// The event that a line reports.
pub(super) fn read(mut line: Map<String, Value>) -> Found {
    let is_call = match message(&line) {
        Some(CALL_MESSAGE) => true,
        Some(EVENT_MESSAGE) => false,
        _ => return Found::Nothing,
    };
    let name = if !is_call {
        let Some(name) = text_in(&line, "event_name") else { return Found::Nothing };
        name
    } else if line.get("workflow_id").and_then(id).is_some() {
        CALL_IN_SESSION.to_owned()
    } else {
        OTHER_CALL.to_owned()
    };
    let (label, property) = (take(&mut line, "label"), take(&mut line, "property"));
    let timestamp = ["timestamp", "time"].iter().find_map(|name| text_in(&line, name));
    let mut take_all = |names: &mut dyn Iterator<Item = (&str, &str)>| -> Map<String, Value> {
        names.filter_map(|(name, known_name)| Some((known_name.to_owned(), take(&mut line, name)?))).collect()
    };
    let ai = take_all(&mut AI_CONTEXT.iter().chain(&TOKEN_FIELDS).map(|name| (*name, *name)));
    let standard =
        take_all(&mut STANDARD_CONTEXT.iter().copied().chain(MODEL.iter().map(|name| (*name, *name))));
    Found::one(Ok(Observed {
        form: Some(if is_call { Form::ServiceCall } else { Form::ServiceLog }),
        event: Some(name),
        timestamp,
        label,
        property,
        standard: Some(standard),
        ai: Some(ai),
        ..Observed::default()
    }))
}

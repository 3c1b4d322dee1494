//! Nodes of GitLab's GraphQL API as lines without a page: those of `aiInstanceUsageData` have the
//! details of an event; those of `aiUsageData` of a group or project have only the event, its user
//! and its time.

use serde_json::{Map, Value};

use super::Found;
use super::observed::{Form, Observed, UserRef};
use crate::model::scalar::{boolean, take, take_object, text_in};

/// Whether an object is a node: GraphQL has event names in upper case, and global ids.
pub(super) fn is_node(object: &Map<String, Value>) -> bool {
    let is_upper_case = |name: &str| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_lowercase());
    object.get("event").and_then(Value::as_str).is_some_and(is_upper_case)
        && object.contains_key("timestamp")
        && !object.contains_key("ai_context")
        && !object.contains_key("additional_properties")
}

/// The event of a node.
pub(super) fn read(mut node: Map<String, Value>) -> Found {
    let has_details = node.contains_key("extras") || node.contains_key("namespacePath");
    let user = match take(&mut node, "user") {
        Some(Value::Object(mut user)) => Some(UserRef {
            username: text_in(&user, "username"),
            bot: user.get("bot").and_then(boolean),
            id: take(&mut user, "id"),
        }),
        _ => None,
    };
    Found::one(Ok(Observed {
        form: Some(if has_details { Form::InstanceNode } else { Form::GroupNode }),
        event: text_in(&node, "event"),
        timestamp: text_in(&node, "timestamp"),
        user,
        namespace_path: text_in(&node, "namespacePath"),
        extra: take_object(&mut node, "extras").unwrap_or_default(),
        ..Observed::default()
    }))
}

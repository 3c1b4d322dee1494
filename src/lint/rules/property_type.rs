//! `property-type`: a property of a type that GitLab does not take.

use serde_json::Value;

use crate::lint::facts::Facts;
use crate::lint::quote::{kind, shown};
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "property-type",
    severity: Severity::Error,
    profiles: EVERY,
    title: "label and property are texts, value is a number, custom properties are texts or numbers",
    explanation: "GitLab checks the properties of a call and reports others: no true or false, no lists, no objects. This looks at calls and at \
        bodies of the events API only; what the Duo Workflow Service sends has no such limit.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"label":"workflow_start_event","value":4711},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"label":7,"value":"4711","verified":true},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    if !event.is_call() {
        return None;
    }
    let mut found = Vec::new();
    let mut look = |name: &str, told: Option<&Value>, wanted: &str, fits: fn(&Value) -> bool| {
        if let Some(value) = told.filter(|value| !value.is_null() && !fits(value)) {
            found.push(format!("{} is {}, it has to be {wanted}", shown(name), kind(value)));
        }
    };
    look("label", event.told.label.as_ref(), "a text", Value::is_string);
    look("property", event.told.property.as_ref(), "a text", Value::is_string);
    look("value", event.told.value.as_ref(), "a number", Value::is_number);
    for (name, value) in &event.told.extra {
        look(name, Some(value), "a text or a number", |value| value.is_string() || value.is_number());
    }
    (!found.is_empty()).then(|| found.join("; "))
}

//! `property-type`: a property of a type that GitLab rejects.

use serde_json::Value;

use crate::lint::event::LintEvent;
use crate::lint::quote::{sanitize, type_name};
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "property-type",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "label and property are strings, value is a number, custom properties are strings or numbers",
    explanation: "GitLab validates the properties of a call and reports any other type: no \
                  booleans, arrays or objects. The rule applies only to calls and to requests of \
                  the events API; events of the Duo Workflow Service have no such limit.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"label":"workflow_start_event","value":4711},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"label":7,"value":"4711","verified":true},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    if !event.is_call() {
        return None;
    }
    let mut found = Vec::new();
    let mut check = |name: &str, value: Option<&Value>, required: &str, is_valid: fn(&Value) -> bool| {
        if let Some(value) = value.filter(|value| !value.is_null() && !is_valid(value)) {
            found.push(format!("{} is {}, but has to be {required}", sanitize(name), type_name(value)));
        }
    };
    check("label", event.observation.label.as_ref(), "a string", Value::is_string);
    check("property", event.observation.property.as_ref(), "a string", Value::is_string);
    check("value", event.observation.value.as_ref(), "a number", Value::is_number);
    for (name, value) in &event.observation.extra {
        check(name, Some(value), "a string or a number", |value| value.is_string() || value.is_number());
    }
    (!found.is_empty()).then(|| found.join("; "))
}

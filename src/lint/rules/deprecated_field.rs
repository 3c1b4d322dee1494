//! `deprecated-field`: a deprecated field of the AI Context.

use crate::lint::event::LintEvent;
use crate::lint::rule::{Check, Profile, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "deprecated-field",
    severity: Severity::Info,
    profiles: &[Profile::AiContext],
    title: "The AI Context uses the field names of schema version 1-0-2",
    explanation: "flow_name replaces flow_type, item_type replaces agent_type, item_version \
                  replaces flow_version, and item_schema_version replaces flow_registry_version. \
                  The old fields are still accepted, and the instrumentation guide still requires \
                  them.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","flow_name":"chat"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","flow_type":"chat"}}"#,
    ),
    check: Check::Event(check),
};

const REPLACED: [(&str, &str); 4] = [
    ("flow_type", "flow_name"),
    ("agent_type", "item_type"),
    ("flow_version", "item_version"),
    ("flow_registry_version", "item_schema_version"),
];

fn check(event: &LintEvent<'_>) -> Option<String> {
    // An event may have the old field in addition to the new one, for older consumers.
    let is_alone =
        |(old, new): &&(&str, &str)| event.ai_field(old).is_some() && event.ai_field(new).is_none();
    let found: Vec<String> =
        REPLACED.iter().filter(is_alone).map(|(old, new)| format!("{old} is now {new}")).collect();
    (!found.is_empty()).then(|| found.join(", "))
}

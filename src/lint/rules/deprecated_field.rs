//! `deprecated-field`: a field that the newer description replaces.

use crate::lint::facts::Facts;
use crate::lint::rule::{Check, Profile, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "deprecated-field",
    severity: Severity::Info,
    profiles: &[Profile::AiContext],
    title: "The AI Context uses the fields of version 1-0-2",
    explanation: "flow_name replaces flow_type, item_type agent_type, item_version flow_version, and item_schema_version \
        flow_registry_version. The old ones are still accepted, and the instrumentation guide still asks for them.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","flow_name":"chat"}}"#,
    ),
    fails: events(
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

fn check(event: &Facts<'_>) -> Option<String> {
    // Beside the new field the old one serves older readers.
    let is_alone = |(old, new): &&(&str, &str)| event.of_ai(old).is_some() && event.of_ai(new).is_none();
    let found: Vec<String> =
        REPLACED.iter().filter(is_alone).map(|(old, new)| format!("{old} is now {new}")).collect();
    (!found.is_empty()).then(|| found.join(", "))
}

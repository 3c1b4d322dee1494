//! `context-unknown-field`: a field that the schema of a context does not have.

use crate::lint::context::Context;
use crate::lint::facts::Facts;
use crate::lint::quote::{listed, shown};
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "context-unknown-field",
    severity: Severity::Error,
    profiles: EVERY,
    title: "A context has the fields of its schema and no others",
    explanation: "The schemas allow no other fields: a real pipeline rejects the whole event. Put what is your own into additional properties, \
        which are declared in the definition and travel as extra of the Standard Context. Never put prompts or output anywhere.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","agent_name":"chat"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","prompt":"…"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for context in Context::ALL {
        let Some(told) = event.context(context) else { continue };
        let unknown: Vec<String> =
            told.keys().filter(|name| context.field(name).is_none()).map(|name| shown(name)).collect();
        if !unknown.is_empty() {
            parts.push(format!("{} has no {}", context.name(), listed(&unknown)));
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

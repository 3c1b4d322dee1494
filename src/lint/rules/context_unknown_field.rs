//! `context-unknown-field`: a context field that the schema does not contain.

use crate::lint::context::Context;
use crate::lint::event::LintEvent;
use crate::lint::quote::{join_names, sanitize};
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "context-unknown-field",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "A context has only the fields of its schema",
    explanation: "The schemas allow no other fields: GitLab's pipeline rejects the whole event. \
                  Use additional properties for custom data: declare them in the definition, and \
                  they are sent in the extra field of the Standard Context. Never send prompts or \
                  model output.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","agent_name":"chat"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","prompt":"…"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let mut found = Vec::new();
    for context in Context::ALL {
        let Some(fields) = event.context(context) else { continue };
        let unknown: Vec<String> =
            fields.keys().filter(|name| context.field(name).is_none()).map(|name| sanitize(name)).collect();
        if !unknown.is_empty() {
            found.push(format!("{} has no field {}", context.name(), join_names(&unknown)));
        }
    }
    (!found.is_empty()).then(|| found.join("; "))
}

//! `ai-context-missing`: an Agent Platform event without an AI Context.

use crate::lint::event::LintEvent;
use crate::lint::rule::{Check, Profile, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "ai-context-missing",
    severity: Severity::Error,
    profiles: &[Profile::Guide],
    title: "An Agent Platform event has an AI Context",
    explanation: "The guide requires both contexts with every Agent Platform event: pass \
                  ai_context: with at least session_id. The newer reference of the AI Context \
                  passes everything as additional properties; --profile ai-context follows it and \
                  disables this rule.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    (event.carries_contexts() && event.info.requires_ai_context() && event.observation.ai.is_none())
        .then(|| "the event has no AI Context".to_owned())
}

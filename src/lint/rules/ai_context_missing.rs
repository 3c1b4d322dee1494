//! `ai-context-missing`: an event of the Agent Platform without its AI Context.

use crate::lint::facts::Facts;
use crate::lint::rule::{Check, Profile, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "ai-context-missing",
    severity: Severity::Error,
    profiles: &[Profile::Guide],
    title: "An event of the Agent Platform has an AI Context",
    explanation: "The guide requires both contexts with every event of the Agent Platform: pass ai_context: with session_id at least. The newer \
        description of the AI Context passes everything as additional properties; --profile ai-context follows it and does not ask for this.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    (event.carries_contexts() && event.meaning.is_agent() && event.told.ai.is_none())
        .then(|| "the event has no AI Context".to_owned())
}

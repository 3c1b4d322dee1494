//! `classification`: an unknown classification.

use crate::lint::event::LintEvent;
use crate::lint::quote::quote;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "classification",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "The classification of an event is duo",
    explanation: "duo is the only value. Instances that opted out of usage data do not send events \
                  with another one. The classification is set in the event definition.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","classification":"duo","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","classification":"analytics","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let classification = event
        .observation
        .classification
        .as_ref()
        .filter(|value| !value.is_null() && value.as_str() != Some("duo"))?;
    Some(format!("classification is {}; the only value is \"duo\"", quote(classification)))
}

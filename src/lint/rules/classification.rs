//! `classification`: a classification that does not exist.

use crate::lint::facts::Facts;
use crate::lint::quote::quoted;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "classification",
    severity: Severity::Error,
    profiles: EVERY,
    title: "The classification of an event is duo",
    explanation: "duo is the only value there is. An event with another one is not sent by instances that opted out of usage data. It is set in \
        the event's definition.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","classification":"duo","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","classification":"analytics","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let told = event
        .told
        .classification
        .as_ref()
        .filter(|value| !value.is_null() && value.as_str() != Some("duo"))?;
    Some(format!("classification is {}; only \"duo\" exists", quoted(told)))
}

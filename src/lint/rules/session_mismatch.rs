//! `session-mismatch`: two sessions in one event.

use crate::lint::facts::Facts;
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "session-mismatch",
    severity: Severity::Error,
    profiles: EVERY,
    title: "All places that tell the session tell the same",
    explanation: "The event would count for one session here and for another there. A workflow_id may be the session id with the id of the \
        instance behind it, as the schema has it.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711},"ai_context":{"session_id":"9999"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let sessions = event.sessions();
    let (first, session) = sessions.first()?;
    let (other, differing) = sessions[1..].iter().find(|(place, other)| {
        let is_longer_form = place.starts_with("workflow_id") && other.starts_with(session.as_str());
        other != session && !is_longer_form
    })?;
    Some(format!("{first} is {}, {other} is {}", shown(session), shown(differing)))
}

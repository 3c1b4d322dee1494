//! `session-mismatch`: an event with two session ids.

use crate::lint::event::LintEvent;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "session-mismatch",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "All session ids of an event agree",
    explanation: "Otherwise the event counts for different sessions in different systems. A \
                  workflow_id can be the session id followed by the id of the instance, as its \
                  schema allows.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711},"ai_context":{"session_id":"9999"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let sessions = event.session_ids();
    let (first, session) = sessions.first()?;
    let (other, differing) = sessions[1..].iter().find(|(field, other)| {
        let is_longer_form = field.starts_with("workflow_id") && other.starts_with(session.as_str());
        other != session && !is_longer_form
    })?;
    Some(format!("{first} is {}, but {other} is {}", sanitize(session), sanitize(differing)))
}

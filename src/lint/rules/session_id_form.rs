//! `session-id-form`: a session id that is none.

use crate::lint::facts::Facts;
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "session-id-form",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "The session id is a positive whole number",
    explanation: "A session id is the id of a row of the instance, as a number or a text that holds one. Any other text cannot be joined with \
        what GitLab's own API tells of sessions.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"session-4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let (place, session) = event.sessions().into_iter().next().filter(|_| event.meaning.is_of_session)?;
    let is_id = session.bytes().all(|byte| byte.is_ascii_digit()) && session.bytes().any(|byte| byte != b'0');
    // A workflow_id may carry the id of the instance too.
    (!is_id && !place.starts_with("workflow_id"))
        .then(|| format!("{place} is {}, which is no id of a session", shown(&session)))
}

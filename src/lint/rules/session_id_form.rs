//! `session-id-form`: an invalid session id.

use crate::lint::event::LintEvent;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "session-id-form",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "The session id is a positive integer",
    explanation: "A session id is the primary key of a session on the instance, as a number or a \
                  string of digits. Other values cannot be joined with the sessions that GitLab's \
                  API returns.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"session-4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let (field, session) =
        event.session_ids().into_iter().next().filter(|_| event.info.belongs_to_session)?;
    let is_id = session.bytes().all(|byte| byte.is_ascii_digit()) && session.bytes().any(|byte| byte != b'0');
    // A workflow_id can also contain the id of the instance.
    (!is_id && !field.starts_with("workflow_id"))
        .then(|| format!("{field} is {}, which is not a session id", sanitize(&session)))
}

//! `success-without-start`: a session succeeds that never started.

use crate::events::catalog::Role;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::lint::session::Session;

pub(super) const RULE: Rule = Rule {
    id: "success-without-start",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "A session starts before it succeeds",
    explanation: "The service sends request_duo_workflow (or a resume or retry) before request_duo_workflow_success. Without it the time to \
        complete is unknown. Events are put in the order of their timestamps first; a file that begins in the middle of a session shows this \
        too.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_success","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow_success","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &Session<'_>) -> Vec<(usize, String)> {
    let start = session.first_start();
    session
        .those(&[Role::Succeeded])
        .filter(|(_, step)| start.is_none_or(|start| start > step.at))
        .map(|(number, _)| (number, "the session succeeded, and nothing before it started it".to_owned()))
        .collect()
}

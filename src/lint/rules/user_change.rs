//! `user-change`: two people in one session.

use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::lint::session::Session;

pub(super) const RULE: Rule = Rule {
    id: "user-change",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "All events of a session are of one user",
    explanation: "A session has one user. GitLab's own tables in ClickHouse keep sessions by user too, so that one of two users is two sessions \
        there. Only ids of the same kind are compared: an id on the instance says nothing about a global one.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_success","timestamp":"2026-10-01T09:01:00Z","user":{"id":"42"},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_success","timestamp":"2026-10-01T09:01:00Z","user":{"id":57},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &Session<'_>) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut last = [0; 3];
    for (number, step) in session.steps.iter().enumerate() {
        let is_other = |(user, last): (&u64, &u64)| *user != 0 && *last != 0 && user != last;
        if step.users.iter().zip(&last).any(is_other) {
            found.push((number, "the session has another user than before".to_owned()));
        }
        for (last, user) in last.iter_mut().zip(step.users) {
            *last = if user == 0 { *last } else { user };
        }
    }
    found
}

//! `user-change`: two people in one session.

use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::lint::session::{Session, Step};

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
    let kinds: [fn(&Step) -> u64; 2] = [|step| step.user, |step| step.global_user];
    let mut found = Vec::new();
    for of in kinds {
        let mut last = 0;
        for (number, step) in session.steps.iter().enumerate() {
            let user = of(step);
            if user != 0 && last != 0 && user != last && found.iter().all(|(other, _)| *other != number) {
                found.push((number, "the session has another user than before".to_owned()));
            }
            last = if user == 0 { last } else { user };
        }
    }
    found
}

//! `user-change`: a session with two users.

use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::lint::session::SessionTimeline;

pub(super) const RULE: Rule = Rule {
    id: "user-change",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "All events of a session have the same user",
    explanation: "A session has one user. GitLab's ClickHouse tables also group sessions by user, \
                  so a session with two users becomes two sessions there. Only ids of the same \
                  kind are compared: an id on the instance cannot be compared with a global id.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_success","timestamp":"2026-10-01T09:01:00Z","user":{"id":"42"},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_success","timestamp":"2026-10-01T09:01:00Z","user":{"id":57},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &SessionTimeline<'_>) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut last = [0; 3];
    for (index, step) in session.steps.iter().enumerate() {
        let differs = |(user, last): (&u64, &u64)| *user != 0 && *last != 0 && user != last;
        if step.users.iter().zip(&last).any(differs) {
            found.push((index, "the session has a different user than before".to_owned()));
        }
        for (last, user) in last.iter_mut().zip(step.users) {
            *last = if user == 0 { *last } else { user };
        }
    }
    found
}

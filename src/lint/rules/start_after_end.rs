//! `start-after-end`: a session starts that is over.

use crate::events::catalog::Role;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::lint::session::Session;

pub(super) const RULE: Rule = Rule {
    id: "start-after-end",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "A session that ended is started again by a retry or resume",
    explanation: "created, started and request_duo_workflow come once in a session. After an end the service sends \
        retry_request_duo_workflow or resume_duo_workflow. Events are put in the order of their timestamps first.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_failure","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"retry_request_duo_workflow","timestamp":"2026-10-01T09:02:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_failure","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow","timestamp":"2026-10-01T09:02:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &Session<'_>) -> Vec<(usize, String)> {
    session
        .after_end(&[Role::Created, Role::Started, Role::Requested])
        .into_iter()
        .map(|(number, end)| {
            let seconds = (session.steps[number].at - end.at) / 1000;
            (number, format!("the session starts {seconds} s after its end, without a retry or resume"))
        })
        .collect()
}

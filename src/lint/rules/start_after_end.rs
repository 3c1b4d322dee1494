//! `start-after-end`: a session that starts after its end.

use crate::events::catalog::Role;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::lint::session::SessionTimeline;

pub(super) const RULE: Rule = Rule {
    id: "start-after-end",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "A session that ended is restarted only by a retry or resume",
    explanation: "created, started and request_duo_workflow occur once per session. After the end, \
                  the service sends retry_request_duo_workflow or resume_duo_workflow. Events are \
                  sorted by timestamp first.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_failure","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"retry_request_duo_workflow","timestamp":"2026-10-01T09:02:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_failure","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow","timestamp":"2026-10-01T09:02:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &SessionTimeline<'_>) -> Vec<(usize, String)> {
    session
        .after_end(&[Role::Created, Role::Started, Role::Requested])
        .into_iter()
        .map(|(index, end)| {
            let seconds = (session.steps[index].at - end.at) / 1000;
            (index, format!("the session starts {seconds} s after its end, without a retry or resume"))
        })
        .collect()
}

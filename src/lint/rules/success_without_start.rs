//! `success-without-start`: a session that succeeds without a start.

use crate::events::catalog::Role;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::lint::session::SessionTimeline;

pub(super) const RULE: Rule = Rule {
    id: "success-without-start",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "A session starts before it succeeds",
    explanation: "The service sends request_duo_workflow (or a resume or retry) before \
                  request_duo_workflow_success. Without it the duration is unknown. Events are \
                  sorted by timestamp first. A file that begins in the middle of a session also \
                  has this finding.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_success","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow_success","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &SessionTimeline<'_>) -> Vec<(usize, String)> {
    let start = session.first_start();
    session
        .with_roles(&[Role::Succeeded])
        .filter(|(_, step)| start.is_none_or(|start| start > step.at))
        .map(|(index, _)| (index, "the session succeeded, but no earlier event started it".to_owned()))
        .collect()
}

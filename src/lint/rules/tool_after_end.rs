//! `tool-after-end`: a tool call in a session that ended.

use crate::events::catalog::Role;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::lint::session::SessionTimeline;

pub(super) const RULE: Rule = Rule {
    id: "tool-after-end",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "Tools are called before the session ends",
    explanation: "A tool call after the end means that the end was reported too early, that a \
                  resume or retry was not reported, or that two sessions share an id. If GitLab \
                  itself closed the session, the service has one minute to finish. Events are \
                  sorted by timestamp first.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_failure","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"retry_request_duo_workflow","timestamp":"2026-10-01T09:02:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"duo_workflow_tool_success","timestamp":"2026-10-01T09:03:00Z","user":{"id":42},"additional_properties":{"property":"grep"},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_failure","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"duo_workflow_tool_success","timestamp":"2026-10-01T09:03:00Z","user":{"id":42},"additional_properties":{"property":"grep"},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &SessionTimeline<'_>) -> Vec<(usize, String)> {
    session
        .after_end(&[Role::ToolSucceeded, Role::ToolFailed])
        .into_iter()
        .map(|(index, end)| {
            let seconds = (session.steps[index].at - end.at) / 1000;
            (index, format!("a tool was called {seconds} s after the end of the session"))
        })
        .collect()
}

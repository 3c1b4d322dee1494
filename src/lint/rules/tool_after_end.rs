//! `tool-after-end`: a tool is called in a session that is over.

use crate::events::catalog::Role;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::lint::session::Session;

pub(super) const RULE: Rule = Rule {
    id: "tool-after-end",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "Tools are called before the session ends",
    explanation: "A tool that is called after the end means that the end was told too early, that a resume or retry is not told, or that two \
        sessions share an id. After an end that GitLab itself tells, a minute is left to the service. Events are put in the order of their \
        timestamps first.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_failure","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"retry_request_duo_workflow","timestamp":"2026-10-01T09:02:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"duo_workflow_tool_success","timestamp":"2026-10-01T09:03:00Z","user":{"id":42},"additional_properties":{"property":"grep"},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"request_duo_workflow_failure","timestamp":"2026-10-01T09:01:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event":"duo_workflow_tool_success","timestamp":"2026-10-01T09:03:00Z","user":{"id":42},"additional_properties":{"property":"grep"},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &Session<'_>) -> Vec<(usize, String)> {
    session
        .after_end(&[Role::ToolSucceeded, Role::ToolFailed])
        .into_iter()
        .map(|(number, end)| {
            let seconds = (session.steps[number].at - end.at) / 1000;
            (number, format!("a tool was called {seconds} s after the end of the session"))
        })
        .collect()
}

//! `session-missing`: an event of a session that does not say of which.

use crate::lint::facts::Facts;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "session-missing",
    severity: Severity::Error,
    profiles: EVERY,
    title: "The event tells its session",
    explanation: "The guide requires session_id in the AI Context: events of a session are put together by it. GitLab itself sends it as value, \
        the Duo Workflow Service as value and session_id, and its token events only as workflow_id; each of them is enough.",
    passes: events(
        r#"{"event":"duo_workflow_tool_success","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"property":"grep"},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"duo_workflow_tool_success","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"property":"grep"},"ai_context":{"agent_name":"planner"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    // What a group's nodes never tell is no fault of who sent them.
    let can_tell = event.form() != Some(Form::GroupNode);
    (can_tell && event.meaning.is_of_session && event.session().is_none())
        .then(|| "no session is told: neither value nor session_id nor workflow_id".to_owned())
}

//! `session-missing`: a session event without a session id.

use crate::lint::event::LintEvent;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "session-missing",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "A session event has a session id",
    explanation: "The guide requires session_id in the AI Context: it groups the events of a \
                  session. GitLab sends the session id as value, the Duo Workflow Service as value \
                  and session_id, and in its token events only as workflow_id. Any of them is \
                  sufficient.",
    passes: event_example(
        r#"{"event":"duo_workflow_tool_success","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"property":"grep"},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"duo_workflow_tool_success","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"property":"grep"},"ai_context":{"agent_name":"planner"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    // GitLab's group API never returns the session id.
    let can_have_session = event.form() != Some(Form::GroupNode);
    (can_have_session && event.info.belongs_to_session && event.session_id().is_none())
        .then(|| "no session id in value, session_id or workflow_id".to_owned())
}

//! `user-missing`: an event without a user.

use crate::lint::event::LintEvent;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "user-missing",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "The event has a user",
    explanation: "The guide requires the user in the Standard Context of every event: without one, \
                  nobody is counted. Pass user: to the call. The Duo Workflow Service sends no \
                  user_id; its global_user_id is sufficient.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","project":{"id":7},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let has_user = event.user_ids().iter().any(Option::is_some);
    // A request of the events API has no user: GitLab uses the owner of the token. Logs can be
    // incomplete, and standard-context-missing reports a missing Standard Context.
    let is_exempt = matches!(event.form(), Some(Form::EventsApi | Form::ServiceLog | Form::ServiceCall))
        || (event.is_snowplow() && event.observation.standard.is_none());
    (!has_user && !is_exempt).then(|| "no user in user, user_id or global_user_id".to_owned())
}

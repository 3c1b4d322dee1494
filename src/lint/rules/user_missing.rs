//! `user-missing`: an event of nobody.

use crate::lint::facts::Facts;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "user-missing",
    severity: Severity::Error,
    profiles: EVERY,
    title: "The event tells its user",
    explanation: "The guide wants the user in the Standard Context of every event: without one nobody is counted. Pass user: to the call. The \
        Duo Workflow Service sends no user_id; its global_user_id is enough.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","project":{"id":7},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let is_told = event.users().iter().any(Option::is_some);
    // The body of the events API has no user: it is the one whose token sends it. A log need not tell everything, and of a
    // Standard Context that is missing another rule speaks.
    let is_known_otherwise =
        matches!(event.form(), Some(Form::EventsApi | Form::ServiceLog | Form::ServiceCall))
            || (event.is_snowplow() && event.told.standard.is_none());
    (!is_told && !is_known_otherwise).then(|| "no user is told, neither user nor global_user_id".to_owned())
}

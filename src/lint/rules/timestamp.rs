//! `timestamp`: an invalid timestamp.

use crate::lint::event::LintEvent;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "timestamp",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "The timestamp is an RFC 3339 time",
    explanation: "An event counts for the UTC day of its timestamp. Regional date formats are \
                  ambiguous, so only these formats are accepted: RFC 3339 such as \
                  2026-10-01T09:00:00Z (with any offset), Snowplow timestamps, and Unix \
                  timestamps.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T11:00:00.250+02:00","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"18/08/2026 12:00","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    match &event.observation.timestamp {
        // GitLab itself adds the timestamp to requests of its events API.
        None if event.form() == Some(Form::EventsApi) => None,
        None => Some("the event has no timestamp".to_owned()),
        Some(_) if event.timestamp().is_some() => None,
        Some(text) => {
            Some(format!("\"{}\" is not a valid time; write it as 2026-10-01T12:34:56Z", sanitize(text)))
        }
    }
}

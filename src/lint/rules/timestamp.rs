//! `timestamp`: a moment that cannot be read.

use crate::lint::facts::Facts;
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "timestamp",
    severity: Severity::Error,
    profiles: EVERY,
    title: "The timestamp is an RFC 3339 time",
    explanation: "An event counts for the day of its timestamp. One that is written as people of one country write it can be another day, so \
        only times as 2026-10-01T09:00:00Z (with any offset), as Snowplow writes them, or as numbers since 1970 are read.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T11:00:00.250+02:00","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"18/08/2026 12:00","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    match &event.told.timestamp {
        // GitLab stamps what its events API is told.
        None if event.form() == Some(Form::EventsApi) => None,
        None => Some("the event has no timestamp".to_owned()),
        Some(_) if event.moment().is_some() => None,
        Some(text) => Some(format!("\"{}\" is no time; write it as 2026-10-01T12:34:56Z", shown(text))),
    }
}

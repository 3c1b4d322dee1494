//! `event-name-missing`: an event without a name.

use crate::lint::facts::Facts;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "event-name-missing",
    severity: Severity::Error,
    profiles: EVERY,
    title: "Every event has a name",
    explanation: "Without a name nobody knows what happened. In calls the name is the first argument, in Snowplow events it is se_action.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    event.name.trim().is_empty().then(|| "the event has no name".to_owned())
}

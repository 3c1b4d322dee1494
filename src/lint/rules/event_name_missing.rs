//! `event-name-missing`: an event without a name.

use crate::lint::event::LintEvent;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "event-name-missing",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "Every event has a name",
    explanation: "Without a name the event cannot be interpreted. In calls the name is the first \
                  argument; in Snowplow events it is se_action.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    event.name.trim().is_empty().then(|| "the event has no name".to_owned())
}

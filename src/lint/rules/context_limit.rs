//! `context-limit`: a field of a context with a value out of bounds.

use crate::lint::context::Fault;
use crate::lint::facts::Facts;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "context-limit",
    severity: Severity::Error,
    profiles: EVERY,
    title: "The fields of a context keep to the limits of its schema",
    explanation: "Numbers are from 0 to 2147483647, texts have a greatest length, and a few fields know certain words only. A real pipeline \
        rejects the whole event otherwise.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","custom_item_id":5}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","custom_item_id":-5}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    event.context_faults(Fault::Limit)
}

//! `context-type`: a field of a context with a value of another type.

use crate::lint::context::Fault;
use crate::lint::facts::Facts;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "context-type",
    severity: Severity::Error,
    profiles: EVERY,
    title: "The fields of a context have the types of its schema",
    explanation: "The schemas are strict: a number that is sent as a text makes a real pipeline reject the whole event.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":4711,"agent_name":"planner"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":4711,"agent_name":7}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    event.context_faults(Fault::Type)
}

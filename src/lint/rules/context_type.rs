//! `context-type`: a context field of the wrong type.

use crate::lint::context::Violation;
use crate::lint::event::LintEvent;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "context-type",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "Context fields have the types of their schema",
    explanation: "The schemas are strict: if a number is sent as a string, GitLab's pipeline \
                  rejects the whole event.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":4711,"agent_name":"planner"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":4711,"agent_name":7}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    event.context_violations(Violation::Type)
}

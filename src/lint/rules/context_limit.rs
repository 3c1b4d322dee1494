//! `context-limit`: a context field whose value is out of range.

use crate::lint::context::Violation;
use crate::lint::event::LintEvent;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "context-limit",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "Context fields respect the limits of their schema",
    explanation: "Numbers are from 0 to 2147483647, strings have a maximum length, and some fields \
                  have a fixed set of values. Otherwise GitLab's pipeline rejects the whole event.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","custom_item_id":5}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","custom_item_id":-5}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    event.context_violations(Violation::Limit)
}

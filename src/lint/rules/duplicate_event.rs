//! `duplicate-event`: a repeated event.

use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "duplicate-event",
    severity: Severity::Info,
    profiles: ALL_PROFILES,
    title: "An event id occurs once",
    explanation: "Trackers resend events whose delivery is uncertain, so the same event_id can \
                  occur twice. Metrics count it once, and lint ignores the repetition in the \
                  session rules.",
    passes: event_example(
        r#"{"event_id":"a","event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event_id":"b","event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4712"}}"#,
    ),
    fails: event_example(
        r#"{"event_id":"a","event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event_id":"a","event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Stream,
};

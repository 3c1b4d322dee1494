//! `duplicate-event`: the same event again.

use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "duplicate-event",
    severity: Severity::Info,
    profiles: EVERY,
    title: "An event is there once",
    explanation: "Trackers send again what may not have arrived, so the same event_id can come twice. It counts once, in the figures too, and its \
        second appearance is no part of its session here.",
    passes: events(
        r#"{"event_id":"a","event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event_id":"b","event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4712"}}"#,
    ),
    fails: events(
        r#"{"event_id":"a","event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}
{"event_id":"a","event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Stream,
};

//! `unreadable`: a line that is not an event in a known format.

use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "unreadable",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "Every line is an event in a known format",
    explanation: "The line cannot be parsed, so it does not count. lint reads the same formats as \
                  normalize: objects as in the instrumentation guide, requests of the events API, \
                  Snowplow events (enriched JSON or TSV, tracker payloads, Micro), \
                  product_usage_data.log, logs of the Duo Workflow Service, nodes of GitLab's \
                  GraphQL API, and dumps of ai_usage_events. Lines without an event (headers, \
                  other log lines) are skipped and counted.",
    passes: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"47"#,
    ),
    check: Check::Parser,
};

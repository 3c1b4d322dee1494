//! `unreadable`: a line that is no event of any form we know.

use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "unreadable",
    severity: Severity::Error,
    profiles: EVERY,
    title: "Every line is an event in a form that is known",
    explanation: "The line cannot be read, so nothing in it counts. The forms that are read are those of normalize: objects as in the \
        instrumentation guide, bodies of the events API, Snowplow events (enriched JSON or TSV, tracker payloads, Micro), \
        product_usage_data.log, logs of the Duo Workflow Service, nodes of GitLab's GraphQL API, and dumps of ai_usage_events. What is no event (headers, other lines of a log) is skipped and counted.",
    passes: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"request_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"47"#,
    ),
    check: Check::Reading,
};

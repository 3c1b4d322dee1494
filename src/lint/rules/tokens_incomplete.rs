//! `tokens-incomplete`: a token event with incomplete token counts.

use crate::lint::event::{LintEvent, TOKEN_FIELDS};
use crate::lint::quote::join_names;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "tokens-incomplete",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "A token event has input, output and total tokens",
    explanation: "A missing count is unknown, not zero: sums that include such events are too \
                  small.",
    passes: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let missing: Vec<&str> =
        TOKEN_FIELDS.iter().filter(|name| event.field(name).is_none()).copied().collect();
    (event.info.is_token_usage() && (1..TOKEN_FIELDS.len()).contains(&missing.len()))
        .then(|| format!("the token event lacks {}", join_names(&missing)))
}

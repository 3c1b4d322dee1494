//! `tokens-incomplete`: a token event with some of its tokens.

use crate::lint::facts::{Facts, TOKEN_FIELDS};
use crate::lint::quote::listed;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "tokens-incomplete",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "A token event tells input, output and total",
    explanation: "What is not told is unknown, not zero: sums over such events are too small.",
    passes: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let missing: Vec<&str> =
        TOKEN_FIELDS.iter().filter(|name| event.of_either(name).is_none()).copied().collect();
    (event.meaning.is_token_usage() && (1..TOKEN_FIELDS.len()).contains(&missing.len()))
        .then(|| format!("the token event tells no {}", listed(&missing)))
}

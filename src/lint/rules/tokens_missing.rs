//! `tokens-missing`: a token event without tokens.

use crate::lint::facts::{Facts, TOKEN_FIELDS};
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "tokens-missing",
    severity: Severity::Error,
    profiles: EVERY,
    title: "A token event tells tokens",
    explanation: "A token_usage event is there to tell input_tokens, output_tokens and total_tokens; without any of them it says nothing.",
    passes: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let is_bare = TOKEN_FIELDS.iter().all(|name| event.of_either(name).is_none());
    (event.meaning.is_token_usage() && is_bare).then(|| "the token event tells no tokens".to_owned())
}

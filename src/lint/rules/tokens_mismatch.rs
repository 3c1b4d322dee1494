//! `tokens-mismatch`: the contexts tell different numbers of tokens.

use crate::lint::facts::{CACHE_WRITES, Facts, TOKEN_FIELDS};
use crate::lint::quote::quoted;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "tokens-mismatch",
    severity: Severity::Error,
    profiles: EVERY,
    title: "Both contexts tell the same tokens",
    explanation: "Where both contexts, or the custom properties, tell tokens they have to agree: the AI Context is what counts.",
    passes: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"input_tokens":1000,"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"input_tokens":900,"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let names = TOKEN_FIELDS.iter().chain(&CACHE_WRITES).chain(&["cache_read"]);
    let differing = |name: &&str| {
        let (ai, standard) = (event.of_ai(name)?, event.of_standard(name)?);
        (ai.as_f64() != standard.as_f64())
            .then(|| format!("{name} is {} in the AI Context and {} beside it", quoted(ai), quoted(standard)))
    };
    let found: Vec<String> = names.filter_map(differing).collect();
    (!found.is_empty()).then(|| found.join("; "))
}

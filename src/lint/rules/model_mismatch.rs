//! `model-mismatch`: the contexts tell different models.

use crate::lint::facts::{Facts, MODEL_FIELDS};
use crate::lint::quote::quoted;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "model-mismatch",
    severity: Severity::Error,
    profiles: EVERY,
    title: "Both contexts tell the same model",
    explanation: "Where both contexts tell the model they have to agree: otherwise the tokens count for one model here and another there.",
    passes: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100,"model_name":"claude-sonnet-4-5-20250929"}}"#,
    ),
    fails: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100,"model_name":"gpt-5"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let differing = |name: &&str| {
        let (ai, standard) = (event.of_ai(name)?, event.of_standard(name)?);
        (ai != standard)
            .then(|| format!("{name} is {} in the AI Context and {} beside it", quoted(ai), quoted(standard)))
    };
    let found: Vec<String> = MODEL_FIELDS.iter().filter_map(differing).collect();
    (!found.is_empty()).then(|| found.join("; "))
}

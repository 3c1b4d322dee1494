//! `model-incomplete`: a call of a model that does not tell which.

use crate::lint::facts::{Facts, MODEL_FIELDS};
use crate::lint::quote::listed;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "model-incomplete",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "A token event tells provider, engine and name of the model",
    explanation: "The guide wants complete model information with every call of a model: without the name no price can be found for the tokens.",
    passes: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    // The log of the service leaves the model out of some lines, but the events have it.
    if !event.meaning.is_token_usage() || !(event.carries_contexts() || event.is_call()) {
        return None;
    }
    let missing: Vec<&str> =
        MODEL_FIELDS.iter().filter(|name| event.of_either(name).is_none()).copied().collect();
    (!missing.is_empty()).then(|| format!("the model is told without {}", listed(&missing)))
}

//! `model-placement`: the model is told in the AI Context alone.

use crate::lint::facts::{Facts, MODEL_FIELDS};
use crate::lint::quote::listed;
use crate::lint::rule::{Check, Profile, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "model-placement",
    severity: Severity::Warning,
    profiles: &[Profile::Guide],
    title: "The model is told in the Standard Context",
    explanation: "The instrumentation guide wants model_provider, model_engine and model_name in the Standard Context, which a call fills by \
        additional_properties. The newer description of the AI Context wants them there; --profile ai-context follows it. \
        Telling them in both is fine with both.",
    passes: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100,"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let is_misplaced = |name: &&&str| event.of_ai(name).is_some() && event.of_standard(name).is_none();
    let misplaced: Vec<&str> = MODEL_FIELDS.iter().filter(is_misplaced).copied().collect();
    (!misplaced.is_empty()).then(|| format!("{} only in the AI Context", listed(&misplaced)))
}

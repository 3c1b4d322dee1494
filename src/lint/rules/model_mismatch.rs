//! `model-mismatch`: contexts that contain different models.

use crate::lint::event::{LintEvent, MODEL_FIELDS};
use crate::lint::quote::quote;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "model-mismatch",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "Both contexts contain the same model",
    explanation: "If both contexts contain the model, they have to agree: otherwise the tokens \
                  count for different models in different systems.",
    passes: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100,"model_name":"claude-sonnet-4-5-20250929"}}"#,
    ),
    fails: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100,"model_name":"gpt-5"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let differing = |name: &&str| {
        let (ai, standard) = (event.ai_field(name)?, event.standard_field(name)?);
        (ai != standard).then(|| {
            format!("{name} is {} in the AI Context but {} outside of it", quote(ai), quote(standard))
        })
    };
    let found: Vec<String> = MODEL_FIELDS.iter().filter_map(differing).collect();
    (!found.is_empty()).then(|| found.join("; "))
}

//! `model-placement`: the model is only in the AI Context.

use crate::lint::event::{LintEvent, MODEL_FIELDS};
use crate::lint::quote::join_names;
use crate::lint::rule::{Check, Profile, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "model-placement",
    severity: Severity::Warning,
    profiles: &[Profile::Guide],
    title: "The model is in the Standard Context",
    explanation: "The instrumentation guide requires model_provider, model_engine and model_name \
                  in the Standard Context, which a call fills from additional_properties. The \
                  newer reference of the AI Context requires them there; --profile ai-context \
                  follows it. Sending them in both contexts satisfies both.",
    passes: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100,"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let is_misplaced = |name: &&&str| event.ai_field(name).is_some() && event.standard_field(name).is_none();
    let misplaced: Vec<&str> = MODEL_FIELDS.iter().filter(is_misplaced).copied().collect();
    (!misplaced.is_empty()).then(|| format!("{} only in the AI Context", join_names(&misplaced)))
}

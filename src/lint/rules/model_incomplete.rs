//! `model-incomplete`: a model call without complete model information.

use crate::lint::event::{LintEvent, MODEL_FIELDS};
use crate::lint::quote::join_names;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "model-incomplete",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "A token event has provider, engine and name of the model",
    explanation: "The guide requires complete model information with every model call. Without the \
                  name there is no price for the tokens.",
    passes: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    // The service log omits the model in some lines, but the events have it.
    if !event.info.is_token_usage() || !(event.carries_contexts() || event.is_call()) {
        return None;
    }
    let missing: Vec<&str> =
        MODEL_FIELDS.iter().filter(|name| event.field(name).is_none()).copied().collect();
    (!missing.is_empty()).then(|| format!("the model information lacks {}", join_names(&missing)))
}

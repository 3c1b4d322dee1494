//! `tokens-mismatch`: contexts that contain different token counts.

use crate::lint::event::{CACHE_WRITE_FIELDS, LintEvent, TOKEN_FIELDS};
use crate::lint::quote::quote;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "tokens-mismatch",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "Both contexts contain the same token counts",
    explanation: "If both contexts, or the custom properties, contain token counts, they have to \
                  agree. Metrics use those of the AI Context.",
    passes: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"input_tokens":1000,"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"input_tokens":900,"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let names = TOKEN_FIELDS.iter().chain(&CACHE_WRITE_FIELDS).chain(&["cache_read"]);
    let differing = |name: &&str| {
        let (ai, standard) = (event.ai_field(name)?, event.standard_field(name)?);
        (ai.as_f64() != standard.as_f64()).then(|| {
            format!("{name} is {} in the AI Context but {} outside of it", quote(ai), quote(standard))
        })
    };
    let found: Vec<String> = names.filter_map(differing).collect();
    (!found.is_empty()).then(|| found.join("; "))
}

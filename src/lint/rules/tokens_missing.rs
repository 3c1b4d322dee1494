//! `tokens-missing`: a token event without token counts.

use crate::lint::event::{LintEvent, TOKEN_FIELDS};
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "tokens-missing",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "A token event has token counts",
    explanation: "A token_usage event exists to report input_tokens, output_tokens and \
                  total_tokens; without any of them it has no purpose.",
    passes: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let has_none = TOKEN_FIELDS.iter().all(|name| event.field(name).is_none());
    (event.info.is_token_usage() && has_none).then(|| "the token event has no token counts".to_owned())
}

//! `tokens-cache`: more cached tokens than input tokens.

use crate::lint::event::{CACHE_WRITE_FIELDS, LintEvent};
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "tokens-cache",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "input_tokens includes tokens read from and written to a cache",
    explanation: "Anthropic's input_tokens excludes cached tokens, as in the example of the guide; \
                  GitLab's services include them. If cache_read plus the writes exceed \
                  input_tokens, they are not included: add them to input_tokens and total_tokens. \
                  Such events do not count for the cache hit rate.",
    passes: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":2800,"output_tokens":50,"total_tokens":2850,"cache_read":2000,"ephemeral_5m_input_tokens":300}}"#,
    ),
    fails: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":500,"output_tokens":50,"total_tokens":550,"cache_read":2000,"ephemeral_5m_input_tokens":300}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let input = event.token_count("input_tokens")?;
    let read = event.token_count("cache_read").unwrap_or(0);
    let written =
        CACHE_WRITE_FIELDS.iter().filter_map(|name| event.token_count(name)).fold(0_u64, u64::saturating_add);
    let cached = read.saturating_add(written);
    (cached > input).then(|| {
        format!(
            "{read} tokens read from and {written} written to a cache exceed input_tokens, which is {input}"
        )
    })
}

//! `tokens-cache`: more tokens in the cache than in the input.

use crate::lint::facts::{CACHE_WRITES, Facts};
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "tokens-cache",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "input_tokens includes what was read from and written to a cache",
    explanation: "Anthropic's own figure leaves cached tokens out, as in the example of the guide; GitLab's services add them. Where cache_read and \
        the writes are more than input_tokens, they were not added: add them to input_tokens and total_tokens. No cache-hit rate is made \
        of such events.",
    passes: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":2800,"output_tokens":50,"total_tokens":2850,"cache_read":2000,"ephemeral_5m_input_tokens":300}}"#,
    ),
    fails: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":500,"output_tokens":50,"total_tokens":550,"cache_read":2000,"ephemeral_5m_input_tokens":300}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let input = event.tokens("input_tokens")?;
    let read = event.tokens("cache_read").unwrap_or(0);
    let written = CACHE_WRITES.iter().filter_map(|name| event.tokens(name)).fold(0_u64, u64::saturating_add);
    let cached = read.saturating_add(written);
    (cached > input).then(|| {
        format!(
            "{read} tokens read from and {written} written to a cache are more than input_tokens, {input}"
        )
    })
}

//! `tokens-total`: a total that is not the sum.

use serde_json::Value;

use crate::lint::event::{LintEvent, TOKEN_FIELDS};
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "tokens-total",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "total_tokens is input_tokens plus output_tokens",
    explanation: "Input tokens include tokens read from and written to a cache, so the total is \
                  input plus output, and nothing else.",
    passes: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: event_example(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1200}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let [input, output, total] = TOKEN_FIELDS.map(|name| event.field(name).and_then(Value::as_i64));
    let (sum, total) = (input?.checked_add(output?)?, total?);
    (sum != total).then(|| format!("total_tokens is {total}, but input_tokens plus output_tokens is {sum}"))
}

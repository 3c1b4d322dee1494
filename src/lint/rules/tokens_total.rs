//! `tokens-total`: a total that is not the sum.

use serde_json::Value;

use crate::lint::facts::{Facts, TOKEN_FIELDS};
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "tokens-total",
    severity: Severity::Error,
    profiles: EVERY,
    title: "total_tokens is input_tokens plus output_tokens",
    explanation: "Input tokens include those read from and written to a cache, so the total is the sum of input and output, and nothing else is \
        added to it.",
    passes: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1100}}"#,
    ),
    fails: events(
        r#"{"event":"token_usage_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"model_provider":"anthropic","model_engine":"anthropic-chat","model_name":"claude-sonnet-4-5-20250929"},"ai_context":{"session_id":"4711","input_tokens":1000,"output_tokens":100,"total_tokens":1200}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let [input, output, total] = TOKEN_FIELDS.map(|name| event.of_either(name).and_then(Value::as_i64));
    let (sum, total) = (input?.checked_add(output?)?, total?);
    (sum != total).then(|| format!("total_tokens is {total}, input_tokens and output_tokens are {sum}"))
}

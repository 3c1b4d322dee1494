//! `context-required-field`: a context without a field that it has to have.

use serde_json::Value;

use crate::lint::context::Context;
use crate::lint::facts::Facts;
use crate::lint::quote::listed;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "context-required-field",
    severity: Severity::Error,
    profiles: EVERY,
    title: "A context has the fields that its schema requires",
    explanation: "The Standard Context requires environment, the billing context event_id, event_type, unit_of_measure, realm and timestamp. A \
        real pipeline rejects the whole event without them.",
    passes: events(SNOWPLOW_PASSES),
    fails: events(SNOWPLOW_FAILS),
    check: Check::Event(check),
};

const SNOWPLOW_PASSES: &str = r#"{"event":"struct","event_id":"0b2c1a9e-0000-4000-8000-000000000001","derived_tstamp":"2026-10-01T09:00:00.000Z","se_category":"chat","se_action":"request_duo_workflow","se_value":4711.0,"contexts_com_gitlab_gitlab_standard_1":[{"environment":"production","realm":"saas","instance_id":"i","unique_instance_id":"u","host_name":"gitlab.example.com","global_user_id":"g","deployment_type":".com"}],"contexts_com_gitlab_ai_context_1":[{"session_id":"4711"}]}"#;

const SNOWPLOW_FAILS: &str = r#"{"event":"struct","event_id":"0b2c1a9e-0000-4000-8000-000000000001","derived_tstamp":"2026-10-01T09:00:00.000Z","se_category":"chat","se_action":"request_duo_workflow","se_value":4711.0,"contexts_com_gitlab_gitlab_standard_1":[{"realm":"saas","instance_id":"i","unique_instance_id":"u","host_name":"gitlab.example.com","global_user_id":"g","deployment_type":".com"}],"contexts_com_gitlab_ai_context_1":[{"session_id":"4711"}]}"#;

fn check(event: &Facts<'_>) -> Option<String> {
    if !event.is_snowplow() {
        return None;
    }
    let mut parts = Vec::new();
    for context in Context::ALL {
        let Some(told) = event.context(context) else { continue };
        let is_missing = |name: &str| told.get(name).is_none_or(Value::is_null);
        let fields = context.fields().iter().filter(|field| field.is_required && is_missing(field.name));
        let missing: Vec<&str> = fields.map(|field| field.name).collect();
        if !missing.is_empty() {
            parts.push(format!("{} lacks {}", context.name(), listed(&missing)));
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

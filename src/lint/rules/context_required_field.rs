//! `context-required-field`: a context without a required field.

use serde_json::Value;

use crate::lint::context::Context;
use crate::lint::event::LintEvent;
use crate::lint::quote::join_names;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "context-required-field",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "A context has all required fields",
    explanation: "The Standard Context requires environment; the billing context requires \
                  event_id, event_type, unit_of_measure, realm and timestamp. Otherwise GitLab's \
                  pipeline rejects the whole event.",
    passes: event_example(SNOWPLOW_PASSES),
    fails: event_example(SNOWPLOW_FAILS),
    check: Check::Event(check),
};

const SNOWPLOW_PASSES: &str = r#"{"event":"struct","event_id":"0b2c1a9e-0000-4000-8000-000000000001","derived_tstamp":"2026-10-01T09:00:00.000Z","se_category":"chat","se_action":"request_duo_workflow","se_value":4711.0,"contexts_com_gitlab_gitlab_standard_1":[{"environment":"production","realm":"saas","instance_id":"i","unique_instance_id":"u","host_name":"gitlab.example.com","global_user_id":"g","deployment_type":".com"}],"contexts_com_gitlab_ai_context_1":[{"session_id":"4711"}]}"#;

const SNOWPLOW_FAILS: &str = r#"{"event":"struct","event_id":"0b2c1a9e-0000-4000-8000-000000000001","derived_tstamp":"2026-10-01T09:00:00.000Z","se_category":"chat","se_action":"request_duo_workflow","se_value":4711.0,"contexts_com_gitlab_gitlab_standard_1":[{"realm":"saas","instance_id":"i","unique_instance_id":"u","host_name":"gitlab.example.com","global_user_id":"g","deployment_type":".com"}],"contexts_com_gitlab_ai_context_1":[{"session_id":"4711"}]}"#;

fn check(event: &LintEvent<'_>) -> Option<String> {
    if !event.is_snowplow() {
        return None;
    }
    let mut found = Vec::new();
    for context in Context::ALL {
        let Some(fields) = event.context(context) else { continue };
        let is_missing = |name: &str| fields.get(name).is_none_or(Value::is_null);
        let required = context.fields().iter().filter(|field| field.is_required);
        let missing: Vec<&str> = required.map(|field| field.name).filter(|name| is_missing(name)).collect();
        if !missing.is_empty() {
            found.push(format!("{} lacks {}", context.name(), join_names(&missing)));
        }
    }
    (!found.is_empty()).then(|| found.join("; "))
}

//! `standard-context-sparse`: a Standard Context without fields that the Duo Workflow Service
//! always sends.

use serde_json::Value;

use crate::lint::event::LintEvent;
use crate::lint::quote::join_names;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "standard-context-sparse",
    severity: Severity::Info,
    profiles: ALL_PROFILES,
    title: "The Standard Context identifies instance, realm and user",
    explanation: "GitLab's services expect realm, deployment_type, instance_id, \
                  unique_instance_id, host_name and global_user_id with every event, and on \
                  GitLab.com also project_id, namespace_id, ultimate_parent_namespace_id, \
                  is_gitlab_team_member and feature_enabled_by_namespace_ids. They are optional, \
                  but without them the event is harder to assign.",
    passes: event_example(
        r#"{"event":"struct","event_id":"0b2c1a9e-0000-4000-8000-000000000001","derived_tstamp":"2026-10-01T09:00:00.000Z","se_category":"chat","se_action":"request_duo_workflow","se_value":4711.0,"contexts_com_gitlab_gitlab_standard_1":[{"environment":"production","realm":"self-managed","instance_id":"i","unique_instance_id":"u","host_name":"gitlab.example.com","global_user_id":"g","deployment_type":"self-managed"}],"contexts_com_gitlab_ai_context_1":[{"session_id":"4711"}]}"#,
    ),
    fails: event_example(
        r#"{"event":"struct","event_id":"0b2c1a9e-0000-4000-8000-000000000001","derived_tstamp":"2026-10-01T09:00:00.000Z","se_category":"chat","se_action":"request_duo_workflow","se_value":4711.0,"contexts_com_gitlab_gitlab_standard_1":[{"environment":"production","realm":"self-managed","host_name":"gitlab.example.com","global_user_id":"g"}],"contexts_com_gitlab_ai_context_1":[{"session_id":"4711"}]}"#,
    ),
    check: Check::Event(check),
};

const ALL_INSTANCES: &[&str] =
    &["realm", "deployment_type", "instance_id", "unique_instance_id", "host_name", "global_user_id"];

const GITLAB_COM_ONLY: &[&str] = &[
    "project_id",
    "namespace_id",
    "ultimate_parent_namespace_id",
    "is_gitlab_team_member",
    "feature_enabled_by_namespace_ids",
];

const GITLAB_COM_HOST: &str = "gitlab.com";

fn check(event: &LintEvent<'_>) -> Option<String> {
    let standard = event.observation.standard.as_ref().filter(|_| event.is_snowplow())?;
    let is_missing = |name: &&&str| standard.get(**name).is_none_or(Value::is_null);
    let is_gitlab_com = standard.get("host_name").and_then(Value::as_str) == Some(GITLAB_COM_HOST);
    let additional = if is_gitlab_com { GITLAB_COM_ONLY } else { &[] };
    let missing: Vec<&str> = ALL_INSTANCES.iter().chain(additional).filter(is_missing).copied().collect();
    (!missing.is_empty()).then(|| format!("the Standard Context lacks {}", join_names(&missing)))
}

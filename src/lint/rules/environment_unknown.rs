//! `environment-unknown`: an unknown session environment.

use serde_json::Value;

use crate::events::catalog::{Meaning, entry};
use crate::lint::event::LintEvent;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "environment-unknown",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "A session runs in chat, ambient or chat_partial",
    explanation: "GitLab has the environments chat, ambient and chat_partial; older releases use \
                  ide (now chat) and web (now ambient). Events carry it as property, GitLab's API \
                  returns it as environment. Metrics by environment show any other value \
                  separately.",
    passes: event_example(
        r#"{"event":"agent_platform_session_created","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"label":"developer/v1","property":"ambient","value":4711},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"agent_platform_session_created","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"label":"developer/v1","property":"toaster","value":4711},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

const ENVIRONMENTS: [&str; 5] = ["chat", "ambient", "chat_partial", "ide", "web"];

fn check(event: &LintEvent<'_>) -> Option<String> {
    let entry = entry(event.name).filter(|entry| entry.property == Meaning::Environment)?;
    let value = event.observation.property.as_ref().or_else(|| event.observation.extra.get("environment"));
    let environment = value.and_then(Value::as_str).filter(|text| !text.is_empty() && entry.is_classified)?;
    (!ENVIRONMENTS.contains(&environment)).then(|| {
        format!("the environment is {}; GitLab has chat, ambient and chat_partial", sanitize(environment))
    })
}

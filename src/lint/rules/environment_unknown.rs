//! `environment-unknown`: a session in an environment that does not exist.

use serde_json::Value;

use crate::events::catalog::{Meaning, entry};
use crate::lint::facts::Facts;
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};

pub(super) const RULE: Rule = Rule {
    id: "environment-unknown",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "A session runs in chat, ambient or chat_partial",
    explanation: "GitLab knows the environments chat, ambient and chat_partial, and in older releases ide (now chat) and web (now ambient). Its own \
        events tell it as property, its API as environment. Figures by environment show any other as one of its own.",
    passes: events(
        r#"{"event":"agent_platform_session_created","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"label":"developer/v1","property":"ambient","value":4711},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"agent_platform_session_created","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"label":"developer/v1","property":"toaster","value":4711},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

const ENVIRONMENTS: [&str; 5] = ["chat", "ambient", "chat_partial", "ide", "web"];

fn check(event: &Facts<'_>) -> Option<String> {
    let entry = entry(event.name).filter(|entry| entry.property == Meaning::Environment)?;
    let told = event.told.property.as_ref().or_else(|| event.told.extra.get("environment"));
    let environment = told.and_then(Value::as_str).filter(|text| !text.is_empty() && entry.is_classified)?;
    (!ENVIRONMENTS.contains(&environment)).then(|| {
        format!("the environment is {}; GitLab has chat, ambient and chat_partial", shown(environment))
    })
}

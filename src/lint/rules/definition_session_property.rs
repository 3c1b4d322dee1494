//! `definition-session-property`: an event of a session that cannot tell which.

use crate::events::catalog::{Role, Session, entry};
use crate::lint::definition::Definition;
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};

pub(super) const RULE: Rule = Rule {
    id: "definition-session-property",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "An event of an agent session has a property for the session",
    explanation: "The session is told as value, or as a property session_id or workflow_id; without one the event belongs to no session. Token events \
        tell it in the AI Context, and Duo events of the catalogue that have no session are left alone.",
    passes: definition("sample_agent_started.yml", PASSES),
    fails: definition("sample_agent_started.yml", FAILS),
    check: Check::Definition(check),
};

const PASSES: &str = "\
description: A session starts
internal_events: true
status: active
action: sample_agent_started
classification: duo
identifiers:
- project
- namespace
- user
additional_properties:
  label:
    description: Flow type
  property:
    description: Environment
  value:
    description: Session id
product_group: agent_execution
product_categories:
- duo_agent_platform
milestone: '19.3'
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- premium
- ultimate
";

const FAILS: &str = "\
description: A session starts
internal_events: true
status: active
action: sample_agent_started
classification: duo
identifiers:
- project
- namespace
- user
additional_properties:
  label:
    description: Flow type
  property:
    description: Environment
product_group: agent_execution
product_categories:
- duo_agent_platform
milestone: '19.3'
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- premium
- ultimate
";

const PROPERTIES: [&str; 3] = ["value", "session_id", "workflow_id"];

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let Some(action) = definition.action() else { return Vec::new() };
    let has_session = match entry(action) {
        Some(entry) => entry.session() != Session::Nowhere && entry.role != Role::TokenUsage,
        None => definition.is_of_duo() && !action.starts_with("token_usage_"),
    };
    let is_told = definition.properties().any(|name| PROPERTIES.contains(&name));
    match has_session && !is_told && !definition.is_removed() {
        true => vec![(
            definition.line("additional_properties"),
            "no property tells the session: value, session_id or workflow_id".to_owned(),
        )],
        false => Vec::new(),
    }
}

//! `definition-session-property`: a session event without a property for the session.

use crate::events::catalog::{Role, SessionField, entry};
use crate::lint::definition::Definition;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-session-property",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "An event of an agent session has a property for the session id",
    explanation: "The session id is value, or a property session_id or workflow_id; without one \
                  the event belongs to no session. Token events have it in the AI Context. Duo \
                  events of GitLab's event catalog that have no session are exempt.",
    passes: definition_example("sample_agent_started.yml", PASSES),
    fails: definition_example("sample_agent_started.yml", FAILS),
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

const SESSION_PROPERTIES: [&str; 3] = ["value", "session_id", "workflow_id"];

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let Some(action) = definition.action() else { return Vec::new() };
    let has_session = match entry(action) {
        Some(entry) => entry.session() != SessionField::Nowhere && entry.role != Role::TokenUsage,
        None => definition.is_duo_event() && !action.starts_with("token_usage_"),
    };
    let is_declared = definition.properties().any(|name| SESSION_PROPERTIES.contains(&name));
    if !has_session || is_declared || definition.is_removed() {
        return Vec::new();
    }
    let text = "no property for the session id; declare value, session_id or workflow_id";
    vec![(definition.key_line("additional_properties"), text.to_owned())]
}

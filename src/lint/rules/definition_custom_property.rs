//! `definition-custom-property`: custom properties instead of base properties.

use crate::lint::definition::{BASE_PROPERTIES, Definition};
use crate::lint::quote::{join_names, sanitize};
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-custom-property",
    severity: Severity::Info,
    profiles: ALL_PROFILES,
    title: "Custom properties are used only after label and property, or value",
    explanation: "GitLab's schema requires that base properties are used before custom ones. \
                  GitLab's definitions since 18.6 do not follow this.",
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
  workflow_id:
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

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let is_declared = |name: &str| definition.properties().any(|property| property == name);
    let custom: Vec<String> =
        definition.properties().filter(|name| !BASE_PROPERTIES.contains(name)).map(sanitize).collect();
    let has_base = is_declared("value") || (is_declared("label") && is_declared("property"));
    if custom.is_empty() || has_base {
        return Vec::new();
    }
    let text = format!("custom {} without label and property, or value", join_names(&custom));
    vec![(definition.key_line("additional_properties"), text)]
}

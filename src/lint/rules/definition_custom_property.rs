//! `definition-custom-property`: custom properties before base ones.

use crate::lint::definition::{BASE_PROPERTIES, Definition};
use crate::lint::quote::{listed, shown};
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};

pub(super) const RULE: Rule = Rule {
    id: "definition-custom-property",
    severity: Severity::Info,
    profiles: EVERY,
    title: "Custom properties come after label and property, or value",
    explanation: "GitLab's schema wants the base properties to be used before custom ones are added. Its own definitions since 18.6 do not keep to it.",
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
    let is_there = |name: &str| definition.properties().any(|property| property == name);
    let custom: Vec<String> =
        definition.properties().filter(|name| !BASE_PROPERTIES.contains(name)).map(shown).collect();
    let has_base = is_there("value") || (is_there("label") && is_there("property"));
    match custom.is_empty() || has_base {
        true => Vec::new(),
        false => vec![(
            definition.line("additional_properties"),
            format!("custom {} before label and property, or value", listed(&custom)),
        )],
    }
}

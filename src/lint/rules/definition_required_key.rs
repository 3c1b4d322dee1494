//! `definition-required-key`: a definition without a required key.

use crate::lint::definition::Definition;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-required-key",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "A definition has description, action, product_group, introduced_by_url, milestone and tiers",
    explanation: "GitLab rejects a definition without them. introduced_by_url and milestone can be \
                  null.",
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
  value:
    description: Session id
product_categories:
- duo_agent_platform
milestone: '19.3'
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- premium
- ultimate
";

const REQUIRED: [&str; 6] =
    ["description", "action", "product_group", "introduced_by_url", "milestone", "tiers"];

/// Those that may be null.
const NULLABLE: [&str; 2] = ["introduced_by_url", "milestone"];

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let is_missing = |name: &&&str| {
        if NULLABLE.contains(name) {
            definition.value(name).is_none()
        } else {
            definition.non_null(name).is_none()
        }
    };
    let missing = REQUIRED.iter().filter(is_missing);
    missing.map(|name| (definition.key_line(name), format!("{name} is missing"))).collect()
}

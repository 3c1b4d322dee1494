//! `definition-removed`: removal keys that contradict the status.

use crate::base::yaml::YamlNode;
use crate::lint::definition::Definition;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-removed",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "A removed event has milestone_removed and removed_by_url; an active event has neither",
    explanation: "With status: removed GitLab requires both keys; with status: active it rejects \
                  them.",
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
status: removed
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

const REMOVAL_KEYS: [&str; 2] = ["milestone_removed", "removed_by_url"];

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let status = definition.value("status").and_then(YamlNode::text);
    let line = definition.key_line("status");
    let present = REMOVAL_KEYS.iter().filter(|name| definition.non_null(name).is_some());
    let missing = REMOVAL_KEYS.iter().filter(|name| definition.non_null(name).is_none());
    match status {
        Some("removed") => {
            missing.map(|name| (line, format!("the event is removed, but {name} is missing"))).collect()
        }
        Some("active") => present
            .map(|name| (definition.key_line(name), format!("the event is active, but {name} is set")))
            .collect(),
        _ => Vec::new(),
    }
}

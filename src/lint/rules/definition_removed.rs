//! `definition-removed`: a removal that is half told.

use crate::lint::definition::Definition;
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};
use crate::lint::yaml::Node;

pub(super) const RULE: Rule = Rule {
    id: "definition-removed",
    severity: Severity::Error,
    profiles: EVERY,
    title: "A removed event tells when and by what it was removed, an active one does not",
    explanation: "With status: removed GitLab requires milestone_removed and removed_by_url; with status: active it refuses them.",
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

const OF_REMOVAL: [&str; 2] = ["milestone_removed", "removed_by_url"];

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let status = definition.key("status").and_then(Node::text);
    let line = definition.line("status");
    let told = OF_REMOVAL.iter().filter(|name| definition.told(name).is_some());
    let missing = OF_REMOVAL.iter().filter(|name| definition.told(name).is_none());
    match status {
        Some("removed") => {
            missing.map(|name| (line, format!("the event is removed, and {name} is missing"))).collect()
        }
        Some("active") => told
            .map(|name| (definition.line(name), format!("the event is active, and {name} is set")))
            .collect(),
        _ => Vec::new(),
    }
}

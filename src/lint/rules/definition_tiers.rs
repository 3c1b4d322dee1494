//! `definition-tiers`: tiers that do not exist.

use crate::lint::definition::Definition;
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};
use crate::lint::yaml::Node;

pub(super) const RULE: Rule = Rule {
    id: "definition-tiers",
    severity: Severity::Error,
    profiles: EVERY,
    title: "tiers lists free, premium or ultimate, each once",
    explanation: "The tiers say to whom the event is sent; GitLab refuses any other word, and an empty list.",
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
  value:
    description: Session id
product_group: agent_execution
product_categories:
- duo_agent_platform
milestone: '19.3'
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- platinum
";

const TIERS: [&str; 3] = ["free", "premium", "ultimate"];

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let Some(tiers) = definition.told("tiers") else { return Vec::new() };
    let Some(items) = tiers.list().filter(|items| !items.is_empty()) else {
        return vec![(tiers.line, "tiers is no list of tiers".to_owned())];
    };
    items.iter().enumerate().filter_map(|(at, tier)| Some((tier.line, fault(items, at, tier)?))).collect()
}

fn fault(items: &[Node], at: usize, tier: &Node) -> Option<String> {
    match tier.text() {
        Some(name) if !TIERS.contains(&name) => {
            Some(format!("there is no tier {}; there are free, premium and ultimate", shown(name)))
        }
        Some(name) => {
            let is_there = items[..at].iter().any(|other| other.text() == Some(name));
            is_there.then(|| format!("the tier {name} is there twice"))
        }
        None => Some("a tier that is no text".to_owned()),
    }
}

//! `definition-tiers`: unknown tiers.

use crate::base::yaml::YamlNode;
use crate::lint::definition::Definition;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-tiers",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "tiers lists free, premium or ultimate, each once",
    explanation: "The tiers are those whose instances send the event. GitLab rejects any other \
                  value, and an empty list.",
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
    let Some(tiers) = definition.non_null("tiers") else { return Vec::new() };
    let Some(items) = tiers.list().filter(|items| !items.is_empty()) else {
        return vec![(tiers.line, "tiers is not a list of tiers".to_owned())];
    };
    items.iter().enumerate().filter_map(|(at, tier)| Some((tier.line, violation(items, at, tier)?))).collect()
}

fn violation(items: &[YamlNode], at: usize, tier: &YamlNode) -> Option<String> {
    match tier.text() {
        Some(name) if !TIERS.contains(&name) => {
            Some(format!("unknown tier {}; the tiers are free, premium and ultimate", sanitize(name)))
        }
        Some(name) => {
            let is_duplicate = items[..at].iter().any(|other| other.text() == Some(name));
            is_duplicate.then(|| format!("duplicate tier {name}"))
        }
        None => Some("a tier that is not a string".to_owned()),
    }
}

//! `definition-classification-missing`: a Duo event that is not classified.

use crate::lint::definition::Definition;
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};

pub(super) const RULE: Rule = Rule {
    id: "definition-classification-missing",
    severity: Severity::Error,
    profiles: EVERY,
    title: "The definition of a Duo event has classification: duo",
    explanation: "Only events with it are sent by instances that opted out of usage data, so without it they are missing in the figures. An \
        event is of Duo when GitLab's catalogue has it, when its action speaks of duo or agent_platform, or when its product category does.",
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

fn check(definition: &Definition) -> Vec<(usize, String)> {
    match definition.told("classification") {
        None if definition.is_of_duo() => {
            vec![(definition.line("action"), "a Duo event without classification: duo".to_owned())]
        }
        _ => Vec::new(),
    }
}

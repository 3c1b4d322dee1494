//! `definition-classification-missing`: a Duo event without a classification.

use crate::lint::definition::Definition;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-classification-missing",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "The definition of a Duo event has classification: duo",
    explanation: "Instances that opted out of usage data only send events with this \
                  classification, so all others are missing in the metrics. A Duo event is one \
                  that GitLab's event catalog contains, or whose action or product category \
                  contains duo or agent_platform.",
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
    match definition.non_null("classification") {
        None if definition.is_duo_event() => {
            let text = "a Duo event without classification; add classification: duo";
            vec![(definition.key_line("action"), text.to_owned())]
        }
        _ => Vec::new(),
    }
}

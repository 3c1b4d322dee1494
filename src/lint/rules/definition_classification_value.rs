//! `definition-classification-value`: an unknown classification.

use crate::lint::definition::Definition;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-classification-value",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "The classification is duo or missing",
    explanation: "duo is the only value. Definitions of all other events have no classification.",
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
classification: analytics
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
    let Some(classification) = definition.non_null("classification") else { return Vec::new() };
    match classification.text() {
        Some("duo") => Vec::new(),
        Some(text) => {
            let text = format!("classification is {}; the only value is duo", sanitize(text));
            vec![(classification.line, text)]
        }
        None => {
            let text = "classification is not a string; the only value is duo";
            vec![(classification.line, text.to_owned())]
        }
    }
}

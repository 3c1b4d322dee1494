//! `definition-classification-value`: a classification that does not exist.

use crate::lint::definition::Definition;
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};

pub(super) const RULE: Rule = Rule {
    id: "definition-classification-value",
    severity: Severity::Error,
    profiles: EVERY,
    title: "The classification is duo, or there is none",
    explanation: "duo is the only value there is. An event of another kind leaves the key out.",
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
    let Some(told) = definition.told("classification") else { return Vec::new() };
    match told.text() {
        Some("duo") => Vec::new(),
        Some(text) => vec![(told.line, format!("classification is {}; only duo exists", shown(text)))],
        None => vec![(told.line, "classification is no text; only duo exists".to_owned())],
    }
}

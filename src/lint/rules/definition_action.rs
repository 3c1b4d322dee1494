//! `definition-action`: an invalid action.

use crate::lint::definition::Definition;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-action",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "The action consists of lower-case letters, digits and underscores",
    explanation: "The action is the name of the event. GitLab rejects any other character.",
    passes: definition_example("sample_agent_started.yml", PASSES),
    fails: definition_example("Sample-AgentStarted.yml", FAILS),
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
action: Sample-AgentStarted
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

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let Some(action) = definition.non_null("action") else { return Vec::new() };
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    match action.text() {
        Some(text) if is_name(text) => Vec::new(),
        Some(text) => vec![(
            action.line,
            format!("action is {}; use lower-case letters, digits and underscores", sanitize(text)),
        )],
        None => vec![(action.line, "action is not a string".to_owned())],
    }
}

//! `definition-milestone`: an invalid milestone.

use crate::lint::definition::Definition;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-milestone",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "milestone and milestone_removed are quoted release numbers",
    explanation: "Write '19.3', or '<19.3' if the exact older release is unknown. Without \
                  quotation marks, YAML reads 19.10 as the number 19.1.",
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
milestone: 19.10
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- premium
- ultimate
";

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for name in ["milestone", "milestone_removed"] {
        let Some(value) = definition.non_null(name) else { continue };
        match value.text() {
            Some(text) if is_release(text) => {}
            Some(text) => {
                found.push((value.line, format!("{name} is {}; write it as '19.3'", sanitize(text))));
            }
            None => {
                let text = format!("{name} is not a string; write it in quotation marks, as '19.3'");
                found.push((value.line, text));
            }
        }
    }
    found
}

fn is_release(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let release = text.strip_prefix('<').unwrap_or(text);
    release.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

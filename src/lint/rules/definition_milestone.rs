//! `definition-milestone`: a milestone that is no release.

use crate::lint::definition::Definition;
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};

pub(super) const RULE: Rule = Rule {
    id: "definition-milestone",
    severity: Severity::Error,
    profiles: EVERY,
    title: "milestone and milestone_removed are quoted release numbers",
    explanation: "Write '19.3', or '<19.3' when it is older and not known. Without quotation marks 19.10 is the number 19.1.",
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
milestone: 19.10
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- premium
- ultimate
";

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for name in ["milestone", "milestone_removed"] {
        let Some(told) = definition.told(name) else { continue };
        match told.text() {
            Some(text) if is_release(text) => {}
            Some(text) => found.push((told.line, format!("{name} is {}; write it as '19.3'", shown(text)))),
            None => {
                found.push((told.line, format!("{name} is no text; write it in quotation marks, as '19.3'")))
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

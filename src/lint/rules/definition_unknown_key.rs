//! `definition-unknown-key`: a key that definitions do not have.

use crate::lint::definition::{Definition, KEYS};
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};

pub(super) const RULE: Rule = Rule {
    id: "definition-unknown-key",
    severity: Severity::Error,
    profiles: EVERY,
    title: "A definition has the keys of GitLab's schema and no others",
    explanation: "GitLab refuses a definition with any other key. Keys that are misspelt show here, beside the one that is missing for it.",
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
product_section: analytics
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
    let mut found = Vec::new();
    for (key, _) in definition.pairs() {
        match key.text() {
            Some(name) if KEYS.contains(&name) => {}
            Some(name) => found.push((key.line, format!("there is no key {}", shown(name)))),
            None => found.push((key.line, "a key that is no text".to_owned())),
        }
    }
    found
}

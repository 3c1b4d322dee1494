//! `definition-unknown-key`: an unknown key.

use crate::lint::definition::{Definition, KEYS};
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-unknown-key",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "A definition has only the keys of GitLab's schema",
    explanation: "GitLab rejects a definition with any other key. A misspelled key is reported \
                  here, and by definition-required-key if it is a required one.",
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
            Some(name) => found.push((key.line, format!("unknown key {}", sanitize(name)))),
            None => found.push((key.line, "a key that is not a string".to_owned())),
        }
    }
    found
}

//! `definition-user-identifier`: a Duo event without a user.

use crate::lint::definition::Definition;
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};

pub(super) const RULE: Rule = Rule {
    id: "definition-user-identifier",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "A Duo event identifies the user",
    explanation: "Without user in identifiers the event cannot be counted by people; the guide wants the user in the Standard Context of every event.",
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
    let is_told = definition.texts("identifiers").any(|name| name == "user");
    match definition.is_of_duo() && !definition.is_removed() && !is_told {
        true => vec![(definition.line("identifiers"), "identifiers lacks user".to_owned())],
        false => Vec::new(),
    }
}

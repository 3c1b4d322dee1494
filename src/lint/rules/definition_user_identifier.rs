//! `definition-user-identifier`: a Duo event without a user.

use crate::lint::definition::Definition;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-user-identifier",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "A Duo event identifies the user",
    explanation: "Without user in identifiers, metrics cannot count people by this event. The \
                  guide requires the user in the Standard Context of every event.",
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
    let has_user = definition.texts("identifiers").any(|name| name == "user");
    if !definition.is_duo_event() || definition.is_removed() || has_user {
        return Vec::new();
    }
    vec![(definition.key_line("identifiers"), "identifiers does not contain user".to_owned())]
}

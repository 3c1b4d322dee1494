//! `definition-file-name`: a file that is not named after its action.

use crate::lint::definition::Definition;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-file-name",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "A file below config/events is named after its action",
    explanation: "People search for a definition by the name of the event. GitLab does not enforce \
                  this, and two of its definitions violate it. The rule applies only to files \
                  below config/events, where GitLab reads definitions.",
    passes: definition_example("config/events/sample_agent_started.yml", PASSES),
    fails: definition_example("config/events/other_name.yml", FAILS),
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
milestone: '19.3'
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- premium
- ultimate
";

fn check(definition: &Definition) -> Vec<(usize, String)> {
    let Some(action) = definition.action().filter(|action| !action.is_empty()) else { return Vec::new() };
    // Definitions of older events are named after category and action.
    let is_named = !definition.is_in_events_folder
        || definition.file_name == action
        || definition.non_null("category").is_some();
    if is_named {
        return Vec::new();
    }
    let file = sanitize(&definition.file_name);
    let text = format!("the file is named {file}, but the action is {}", sanitize(action));
    vec![(definition.key_line("action"), text)]
}

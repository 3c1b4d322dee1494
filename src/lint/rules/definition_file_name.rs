//! `definition-file-name`: a file that is not named after its action.

use crate::lint::definition::Definition;
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};

pub(super) const RULE: Rule = Rule {
    id: "definition-file-name",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "A file below config/events is named after its action",
    explanation: "Whoever looks for the definition of an event looks for its name. GitLab checks it nowhere, and two of its own files break it. This looks only at files below config/events, where GitLab looks for them.",
    passes: definition("config/events/sample_agent_started.yml", PASSES),
    fails: definition("config/events/other_name.yml", FAILS),
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
    // Files of older events are named after category and action.
    let is_named =
        !definition.is_in_place || definition.file_name == action || definition.told("category").is_some();
    match is_named {
        true => Vec::new(),
        false => vec![(
            definition.line("action"),
            format!("the file is {}, the action {}", shown(&definition.file_name), shown(action)),
        )],
    }
}

//! `property-undeclared`: a property that the definition does not declare.

use crate::lint::context::Context;
use crate::lint::definition::BASE_PROPERTIES;
use crate::lint::event::LintEvent;
use crate::lint::quote::{join_names, sanitize};
use crate::lint::rule::{ALL_PROFILES, Check, Example, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "property-undeclared",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "An event has only properties that its definition declares",
    explanation: "GitLab reports undeclared properties. The rule applies only to events whose \
                  definition file is linted together with them. Context fields need no \
                  declaration.",
    passes: Example {
        file: "events.jsonl",
        text: r#"{"event":"custom_agent_event","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711},"ai_context":{"session_id":"4711"}}"#,
        definition: DEFINITION,
    },
    fails: Example {
        file: "events.jsonl",
        text: r#"{"event":"custom_agent_event","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711,"speed":"fast"},"ai_context":{"session_id":"4711"}}"#,
        definition: DEFINITION,
    },
    check: Check::Event(check),
};

const DEFINITION: Option<(&str, &str)> = Some((
    "config/events/custom_agent_event.yml",
    "description: A custom agent did something
internal_events: true
status: active
action: custom_agent_event
classification: duo
identifiers:
- user
additional_properties:
  value:
    description: Session id
product_group: custom
milestone: '19.3'
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- ultimate
",
));

fn check(event: &LintEvent<'_>) -> Option<String> {
    let definition = event.definition.filter(|_| event.is_call())?;
    let base = [&event.observation.label, &event.observation.property, &event.observation.value];
    let base = BASE_PROPERTIES.iter().zip(base).filter(|(_, value)| value.is_some()).map(|(name, _)| *name);
    let custom = event
        .observation
        .extra
        .keys()
        .map(String::as_str)
        .filter(|name| Context::Standard.field(name).is_none());
    let is_declared = |name: &&str| definition.properties().any(|declared| declared == *name);
    let undeclared: Vec<String> =
        base.chain(custom).filter(|name| !is_declared(name)).map(sanitize).collect();
    (!undeclared.is_empty()).then(|| format!("the definition does not declare {}", join_names(&undeclared)))
}

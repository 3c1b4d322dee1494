//! `property-undeclared`: a property that the definition beside the events does not declare.

use crate::lint::context::Context;
use crate::lint::definition::BASE_PROPERTIES;
use crate::lint::facts::Facts;
use crate::lint::quote::{listed, shown};
use crate::lint::rule::{Check, EVERY, Example, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "property-undeclared",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "An event has the properties that its definition declares",
    explanation: "GitLab reports properties that are not declared. This looks only at events whose definition file is given beside them. The \
        fields of the contexts need no declaration.",
    passes: Example {
        file: "events.jsonl",
        text: r#"{"event":"own_agent_event","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711},"ai_context":{"session_id":"4711"}}"#,
        beside: DEFINITION,
    },
    fails: Example {
        file: "events.jsonl",
        text: r#"{"event":"own_agent_event","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"value":4711,"speed":"fast"},"ai_context":{"session_id":"4711"}}"#,
        beside: DEFINITION,
    },
    check: Check::Event(check),
};

const DEFINITION: Option<(&str, &str)> = Some((
    "config/events/own_agent_event.yml",
    "description: An agent of our own did something
internal_events: true
status: active
action: own_agent_event
classification: duo
identifiers:
- user
additional_properties:
  value:
    description: Session id
product_group: own
milestone: '19.3'
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- ultimate
",
));

fn check(event: &Facts<'_>) -> Option<String> {
    let definition = event.definition.filter(|_| event.is_call())?;
    let base = [&event.told.label, &event.told.property, &event.told.value];
    let base = BASE_PROPERTIES.iter().zip(base).filter(|(_, told)| told.is_some()).map(|(name, _)| *name);
    let custom =
        event.told.extra.keys().map(String::as_str).filter(|name| Context::Standard.field(name).is_none());
    let is_declared = |name: &&str| definition.properties().any(|declared| declared == *name);
    let undeclared: Vec<String> = base.chain(custom).filter(|name| !is_declared(name)).map(shown).collect();
    (!undeclared.is_empty()).then(|| format!("the definition declares no {}", listed(&undeclared)))
}

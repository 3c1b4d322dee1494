//! `definition-value`: a value of a definition that GitLab does not take.

use crate::lint::definition::Definition;
use crate::lint::quote::{listed, shown};
use crate::lint::rule::{Check, EVERY, Rule, Severity, definition};
use crate::lint::yaml::{Fault, Node, Yaml};

pub(super) const RULE: Rule = Rule {
    id: "definition-value",
    severity: Severity::Error,
    profiles: EVERY,
    title: "Every key has a value that GitLab takes",
    explanation: "The types are those of GitLab's schema: texts that are not empty, lists of texts, addresses, and a few fixed words. internal_events is \
        true or left out; category is only for older events, which have no internal_events. Each additional property has a description.",
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
- group
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
    let mut found = Vec::new();
    for (key, value) in definition.pairs() {
        let Some(name) = key.text() else { continue };
        if value.is_null() {
            continue;
        }
        let faults = match name {
            "description" | "product_group" | "category" => text(value),
            "introduced_by_url" | "removed_by_url" | "iglu_schema_url" => address(value, name),
            "internal_events" => fixed(value, value.value == Yaml::Flag(true), "true, or left out"),
            "status" => fixed(value, matches!(value.text(), Some("active" | "removed")), "active or removed"),
            "identifiers" => {
                words(value, Some(&["project", "user", "namespace", "feature_enabled_by_namespace_ids"]))
            }
            "distributions" => words(value, Some(&["ce", "ee"])),
            "product_categories" => words(value, None),
            "additional_properties" => properties(value),
            "extra_trackers" => trackers(value),
            "extra_properties" => fixed(value, value.map().is_some(), "a mapping"),
            _ => Vec::new(),
        };
        found.extend(faults.into_iter().map(|(line, what)| (line, format!("{name}: {what}"))));
    }
    if definition.told("category").is_some() && definition.told("internal_events").is_some() {
        let what = "category: only for older events, and this one has internal_events";
        found.push((definition.line("category"), what.to_owned()));
    }
    found
}

fn text(value: &Node) -> Vec<Fault> {
    fixed(value, value.text().is_some_and(|text| !text.trim().is_empty()), "a text that is not empty")
}

fn address(value: &Node, name: &str) -> Vec<Fault> {
    let start = if name == "iglu_schema_url" { "iglu:" } else { "http" };
    fixed(value, value.text().is_some_and(|text| text.starts_with(start)), "an address")
}

fn fixed(value: &Node, fits: bool, wanted: &str) -> Vec<Fault> {
    if fits { Vec::new() } else { vec![(value.line, format!("it has to be {wanted}"))] }
}

/// A list of texts, each there once, and each of these where they are named.
fn words(value: &Node, allowed: Option<&[&str]>) -> Vec<Fault> {
    let Some(items) = value.list() else { return fixed(value, false, "a list of texts") };
    let mut found = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(word) = item.text() else {
            found.push((item.line, "an item that is no text".to_owned()));
            continue;
        };
        if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&word)) {
            found.push((item.line, format!("there is no {}; there are {}", shown(word), listed(allowed))));
        }
        if items[..at].contains(item) || items[..at].iter().any(|other| other.text() == Some(word)) {
            found.push((item.line, format!("{} is there twice", shown(word))));
        }
    }
    found
}

/// Names, each with a description and nothing else.
fn properties(value: &Node) -> Vec<Fault> {
    let Some(pairs) = value.map() else { return fixed(value, false, "a mapping of names to descriptions") };
    let mut found = Vec::new();
    for (key, inner) in pairs {
        let name = shown(key.text().unwrap_or("a name that is no text"));
        let is_described = |(key, value): &(Node, Node)| {
            key.text() == Some("description") && value.text().is_some_and(|text| !text.trim().is_empty())
        };
        match inner.map() {
            Some(fields) if fields.len() == 1 && is_described(&fields[0]) && key.text().is_some() => {}
            _ => found.push((key.line, format!("{name} has to have a description, and nothing else"))),
        }
    }
    found
}

/// Trackers, each with its class and perhaps protected properties.
fn trackers(value: &Node) -> Vec<Fault> {
    let Some(items) = value.list() else { return fixed(value, false, "a list of trackers") };
    let mut found = Vec::new();
    for item in items {
        let fields = item.map().unwrap_or_default();
        let field =
            |name: &str| fields.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value);
        if field("tracking_class").and_then(Node::text).is_none() {
            found.push((item.line, "a tracker without tracking_class".to_owned()));
        }
        if let Some(protected) = field("protected_properties").filter(|value| !value.is_null()) {
            found.extend(properties(protected));
        }
        let is_other = |key: &Node| !matches!(key.text(), Some("tracking_class" | "protected_properties"));
        if let Some((key, _)) = fields.iter().find(|(key, _)| is_other(key)) {
            found.push((key.line, "a tracker has tracking_class and protected_properties only".to_owned()));
        }
    }
    found
}

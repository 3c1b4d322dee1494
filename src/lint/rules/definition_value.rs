//! `definition-value`: an invalid value.

use crate::base::yaml::{LineError, Yaml, YamlNode};
use crate::lint::definition::Definition;
use crate::lint::quote::{join_names, sanitize};
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, definition_example};

pub(super) const RULE: Rule = Rule {
    id: "definition-value",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "Every key has a value that GitLab accepts",
    explanation: "The types are those of GitLab's schema: non-empty strings, lists of strings, \
                  URLs, and a few fixed words. internal_events is true or missing; category is \
                  only for older events, which have no internal_events. Each additional property \
                  has a description.",
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
        let violations = match name {
            "description" | "product_group" | "category" => non_empty_string(value),
            "introduced_by_url" | "removed_by_url" | "iglu_schema_url" => url(value, name),
            "internal_events" => require(value, value.value == Yaml::Bool(true), "true or missing"),
            "status" => {
                require(value, matches!(value.text(), Some("active" | "removed")), "active or removed")
            }
            "identifiers" => {
                words(value, Some(&["project", "user", "namespace", "feature_enabled_by_namespace_ids"]))
            }
            "distributions" => words(value, Some(&["ce", "ee"])),
            "product_categories" => words(value, None),
            "additional_properties" => properties(value),
            "extra_trackers" => trackers(value),
            "extra_properties" => require(value, value.map().is_some(), "a mapping"),
            _ => Vec::new(),
        };
        found.extend(violations.into_iter().map(|(line, text)| (line, format!("{name}: {text}"))));
    }
    if definition.non_null("category").is_some() && definition.non_null("internal_events").is_some() {
        let text = "category: only for older events, but this one has internal_events";
        found.push((definition.key_line("category"), text.to_owned()));
    }
    found
}

fn non_empty_string(value: &YamlNode) -> Vec<LineError> {
    require(value, value.text().is_some_and(|text| !text.trim().is_empty()), "a string that is not empty")
}

fn url(value: &YamlNode, name: &str) -> Vec<LineError> {
    let prefix = if name == "iglu_schema_url" { "iglu:" } else { "http" };
    require(value, value.text().is_some_and(|text| text.starts_with(prefix)), "a URL")
}

fn require(value: &YamlNode, is_valid: bool, requirement: &str) -> Vec<LineError> {
    if is_valid { Vec::new() } else { vec![(value.line, format!("has to be {requirement}"))] }
}

/// A list of unique strings; each has to be one of `allowed`, if given.
fn words(value: &YamlNode, allowed: Option<&[&str]>) -> Vec<LineError> {
    let Some(items) = value.list() else { return require(value, false, "a list of strings") };
    let mut found = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(word) = item.text() else {
            found.push((item.line, "an item that is not a string".to_owned()));
            continue;
        };
        if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&word)) {
            found.push((
                item.line,
                format!("unknown value {}; the values are {}", sanitize(word), join_names(allowed)),
            ));
        }
        if items[..at].contains(item) || items[..at].iter().any(|other| other.text() == Some(word)) {
            found.push((item.line, format!("duplicate value {}", sanitize(word))));
        }
    }
    found
}

/// A mapping of names; each has a description and nothing else.
fn properties(value: &YamlNode) -> Vec<LineError> {
    let Some(pairs) = value.map() else { return require(value, false, "a mapping of names to descriptions") };
    let mut found = Vec::new();
    for (key, inner) in pairs {
        let name = sanitize(key.text().unwrap_or("a name that is not a string"));
        let is_described = |(key, value): &(YamlNode, YamlNode)| {
            key.text() == Some("description") && value.text().is_some_and(|text| !text.trim().is_empty())
        };
        match inner.map() {
            Some(fields) if fields.len() == 1 && is_described(&fields[0]) && key.text().is_some() => {}
            _ => found.push((key.line, format!("{name} has to have a description and nothing else"))),
        }
    }
    found
}

/// A list of trackers; each has a class and, optionally, protected properties.
fn trackers(value: &YamlNode) -> Vec<LineError> {
    let Some(items) = value.list() else { return require(value, false, "a list of trackers") };
    let mut found = Vec::new();
    for item in items {
        let fields = item.map().unwrap_or_default();
        let field =
            |name: &str| fields.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value);
        if field("tracking_class").and_then(YamlNode::text).is_none() {
            found.push((item.line, "a tracker without tracking_class".to_owned()));
        }
        if let Some(protected) = field("protected_properties").filter(|value| !value.is_null()) {
            found.extend(properties(protected));
        }
        let is_other =
            |key: &YamlNode| !matches!(key.text(), Some("tracking_class" | "protected_properties"));
        if let Some((key, _)) = fields.iter().find(|(key, _)| is_other(key)) {
            found.push((key.line, "a tracker has only tracking_class and protected_properties".to_owned()));
        }
    }
    found
}

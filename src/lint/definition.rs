//! An event definition, with the line numbers of its keys.

use std::collections::BTreeMap;

use crate::base::yaml::{LineError, Yaml, YamlNode, parse};
use crate::events::catalog::entry;

/// The definitions that were given, by the action they define.
pub type Definitions = BTreeMap<String, Definition>;

/// An event definition.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The file name without folder and extension.
    pub file_name: String,
    /// Whether the file is below `config/events`, where GitLab reads definitions.
    pub is_in_events_folder: bool,
    pairs: Vec<(YamlNode, YamlNode)>,
}

/// The keys that GitLab's schema allows in a definition.
pub(super) const KEYS: &[&str] = &[
    "description",
    "category",
    "internal_events",
    "action",
    "status",
    "classification",
    "identifiers",
    "additional_properties",
    "extra_properties",
    "extra_trackers",
    "iglu_schema_url",
    "product_group",
    "product_categories",
    "introduced_by_url",
    "removed_by_url",
    "milestone",
    "milestone_removed",
    "tiers",
    "distributions",
];

/// Where GitLab reads definitions, relative to the root of a repository.
const EVENTS_FOLDER: &str = "config/events/";

/// The properties that every event can have; all others are custom.
pub(super) const BASE_PROPERTIES: [&str; 3] = ["label", "property", "value"];

impl Definition {
    /// Parses the definition in the file at this path. An error contains the line.
    pub fn parse(file: &str, text: &str) -> Result<Definition, LineError> {
        let document = parse(text)?;
        let line = document.line;
        let Yaml::Map(pairs) = document.value else {
            return Err((line, "not a mapping of keys to values".to_owned()));
        };
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let file_name = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")).unwrap_or(name);
        let is_in_events_folder =
            file.starts_with(EVENTS_FOLDER) || file.contains(&format!("/{EVENTS_FOLDER}"));
        Ok(Definition { file_name: file_name.to_owned(), is_in_events_folder, pairs })
    }

    /// Keys and values, in file order.
    pub fn pairs(&self) -> &[(YamlNode, YamlNode)] {
        &self.pairs
    }

    /// The value of a key, which can be null.
    pub fn value(&self, name: &str) -> Option<&YamlNode> {
        self.pairs.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
    }

    /// The value of a key, unless it is null.
    pub fn non_null(&self, name: &str) -> Option<&YamlNode> {
        self.value(name).filter(|value| !value.is_null())
    }

    /// The line of a key; 1 if it is missing.
    pub fn key_line(&self, name: &str) -> usize {
        self.pairs.iter().find(|(key, _)| key.text() == Some(name)).map_or(1, |(key, _)| key.line)
    }

    /// The name of the event.
    pub fn action(&self) -> Option<&str> {
        self.value("action")?.text()
    }

    /// The strings in the list under a key.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.value(name).and_then(YamlNode::list).into_iter().flatten().filter_map(YamlNode::text)
    }

    /// The names of the additional properties.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        let pairs = self.value("additional_properties").and_then(YamlNode::map);
        pairs.into_iter().flatten().filter_map(|(key, _)| key.text())
    }

    /// Whether this is a Duo event: it is classified as one, the catalog contains it, or its action
    /// or category names Duo or the Agent Platform.
    pub fn is_duo_event(&self) -> bool {
        let names_duo =
            |text: &str| text.split('_').any(|word| word == "duo") || text.contains("agent_platform");
        let is_classified = self.value("classification").and_then(YamlNode::text) == Some("duo");
        is_classified
            || self.action().is_some_and(|action| entry(action).is_some() || names_duo(action))
            || self.texts("product_categories").any(names_duo)
    }

    /// Whether the event was removed.
    pub fn is_removed(&self) -> bool {
        self.value("status").and_then(YamlNode::text) == Some("removed")
    }
}

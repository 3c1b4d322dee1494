//! An event definition as it is written, with the lines of its keys.

use super::yaml::{Fault, Node, Yaml, parse};
use crate::events::catalog::entry;

/// An event definition.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The file's name without folder and ending.
    pub file_name: String,
    /// Whether the file is below `config/events`, where GitLab looks for definitions.
    pub is_in_place: bool,
    pairs: Vec<(Node, Node)>,
}

/// Keys of a definition, as GitLab's schema has them.
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

/// Where GitLab looks for definitions, from the root of a repository.
const FOLDER: &str = "config/events/";

/// Properties that every event has; all others are custom.
pub(super) const BASE_PROPERTIES: [&str; 3] = ["label", "property", "value"];

impl Definition {
    /// Reads the definition in a file of this name. An error tells the line.
    pub fn parse(file: &str, text: &str) -> Result<Definition, Fault> {
        let document = parse(text)?;
        let line = document.line;
        let Yaml::Map(pairs) = document.value else {
            return Err((line, "not a mapping of keys to values".to_owned()));
        };
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let file_name = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")).unwrap_or(name);
        let is_in_place = file.starts_with(FOLDER) || file.contains(&format!("/{FOLDER}"));
        Ok(Definition { file_name: file_name.to_owned(), is_in_place, pairs })
    }

    /// Keys and values, as they are written.
    pub fn pairs(&self) -> &[(Node, Node)] {
        &self.pairs
    }

    /// The value of a key, also where it is null.
    pub fn key(&self, name: &str) -> Option<&Node> {
        self.pairs.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
    }

    /// The value of a key, unless it is null.
    pub fn told(&self, name: &str) -> Option<&Node> {
        self.key(name).filter(|value| !value.is_null())
    }

    /// The line of a key; 1 where it is missing.
    pub fn line(&self, name: &str) -> usize {
        self.pairs.iter().find(|(key, _)| key.text() == Some(name)).map_or(1, |(key, _)| key.line)
    }

    /// The name of the event.
    pub fn action(&self) -> Option<&str> {
        self.key("action")?.text()
    }

    /// The texts in the list under a key.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.key(name).and_then(Node::list).into_iter().flatten().filter_map(Node::text)
    }

    /// The names of the additional properties.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        let pairs = self.key("additional_properties").and_then(Node::map);
        pairs.into_iter().flatten().filter_map(|(key, _)| key.text())
    }

    /// Whether the event is of Duo: the catalogue has it, or its action or category says so.
    pub fn is_of_duo(&self) -> bool {
        let says_duo =
            |text: &str| text.split('_').any(|word| word == "duo") || text.contains("agent_platform");
        let is_classified = self.key("classification").and_then(Node::text) == Some("duo");
        is_classified
            || self.action().is_some_and(|action| entry(action).is_some() || says_duo(action))
            || self.texts("product_categories").any(says_duo)
    }

    /// Whether the event was removed.
    pub fn is_removed(&self) -> bool {
        self.key("status").and_then(Node::text) == Some("removed")
    }
}

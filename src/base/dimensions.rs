//! The dimensions of a metric line.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

/// Dimensions and their values, sorted by dimension, each at most once. Most lines have one or two,
/// for which a map would need ten times the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub struct Dimensions(Box<[(Box<str>, Box<str>)]>);

impl Dimensions {
    /// The value of a dimension.
    pub fn get(&self, dimension: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == dimension).map(|(_, value)| value)
    }

    /// Whether the line has this dimension.
    pub fn contains(&self, dimension: &str) -> bool {
        self.get(dimension).is_some()
    }

    /// Dimensions and values, sorted by dimension.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The dimensions, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The values, sorted by dimension.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(_, value)| value)
    }

    /// The number of dimensions.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, as in the line of a total.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Dimensions {
    /// The last value of a repeated dimension wins.
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Dimensions {
        let by_name: BTreeMap<&str, &str> = pairs.into_iter().collect();
        Dimensions(by_name.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl From<BTreeMap<String, String>> for Dimensions {
    fn from(map: BTreeMap<String, String>) -> Dimensions {
        Dimensions(map.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl JsonSchema for Dimensions {
    fn schema_name() -> Cow<'static, str> {
        "Dimensions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <BTreeMap<String, String>>::json_schema(generator)
    }
}

impl Serialize for Dimensions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_sorted_and_unique_and_survive_a_round_trip() {
        let by: Dimensions = [("model", "b"), ("kind", "x"), ("model", "a")].into_iter().collect();
        assert_eq!(by.iter().collect::<Vec<_>>(), [("kind", "x"), ("model", "a")]);
        assert_eq!((by.get("model"), by.contains("kind"), by.contains("flow")), (Some("a"), true, false));
        let text = serde_json::to_string(&by).expect("strings serialize");
        assert_eq!(text, r#"{"kind":"x","model":"a"}"#);
        assert_eq!(serde_json::from_str::<Dimensions>(&text).expect("serialized before"), by);
        assert!(by < [("kind", "x"), ("model", "b")].into_iter().collect());
    }
}

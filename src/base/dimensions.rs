//! By what a metric line is split.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

/// Dimensions and their values, by dimension. Nearly every line has one or two: a map would take ten times their memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub struct Dimensions(Box<[(Box<str>, Box<str>)]>);

impl Dimensions {
    /// The value of a dimension.
    pub fn get(&self, dimension: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == dimension).map(|(_, value)| value)
    }

    /// Whether the line is split by this one.
    pub fn contains(&self, dimension: &str) -> bool {
        self.get(dimension).is_some()
    }

    /// Every dimension with its value, in the order of the dimensions.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Every dimension, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The values, in the order of their dimensions.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(_, value)| value)
    }

    /// How many dimensions there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is the line of the total.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Dimensions {
    /// Of a dimension that comes twice the last value counts.
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(told: I) -> Dimensions {
        let by_name: BTreeMap<&str, &str> = told.into_iter().collect();
        Dimensions(by_name.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl From<BTreeMap<String, String>> for Dimensions {
    fn from(told: BTreeMap<String, String>) -> Dimensions {
        Dimensions(told.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
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
    fn dimensions_are_in_order_each_once_and_read_as_they_are_written() {
        let by: Dimensions = [("model", "b"), ("kind", "x"), ("model", "a")].into_iter().collect();
        assert_eq!(by.iter().collect::<Vec<_>>(), [("kind", "x"), ("model", "a")]);
        assert_eq!((by.get("model"), by.contains("kind"), by.contains("flow")), (Some("a"), true, false));
        let text = serde_json::to_string(&by).expect("texts can be written");
        assert_eq!(text, r#"{"kind":"x","model":"a"}"#);
        assert_eq!(serde_json::from_str::<Dimensions>(&text).expect("it was written"), by);
        assert!(by < [("kind", "x"), ("model", "b")].into_iter().collect());
    }
}

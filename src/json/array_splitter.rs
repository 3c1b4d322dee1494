//! Objects in a list that all begin alike.

use memchr::memmem;

/// The elements of a list, taken from its front: read there by who knows where they end, or split off by a guess.
pub struct Elements<'a> {
    /// What is left between the brackets; `None` when the last element was taken.
    rest: Option<&'a str>,
    /// Where an object ends and another begins with the same key as the first one of the list; looked for when it is needed.
    border: Option<memmem::Finder<'static>>,
    list: &'a str,
}

impl<'a> Elements<'a> {
    /// The elements of what stands between the brackets of a list.
    pub fn of(list: &'a str) -> Elements<'a> {
        Elements { rest: Some(list).filter(|list| !list.is_empty()), border: None, list }
    }

    /// What is left; `None` when that is nothing.
    #[inline]
    pub fn rest(&self) -> Option<&'a str> {
        self.rest
    }

    /// Passes over an element of so many bytes; false, and it is still there, when what comes then neither ends the list nor
    /// leads to another one.
    #[inline]
    pub fn pass(&mut self, length: usize) -> bool {
        let rest = self.rest.unwrap_or_default();
        match rest.as_bytes().get(length) {
            None => self.rest = None,
            Some(b',') => self.rest = rest.get(length + 1..),
            Some(_) => return false,
        }
        true
    }

    /// Splits off an object where it ends and another one begins with the same key as the first one of the list.
    ///
    /// This is a guess, and nothing is looked into: only when every piece turns out to be an object as a whole, the pieces are
    /// the elements. `None` when there is nothing to split.
    pub fn split_first(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        if self.border.is_none() {
            let key = self.list.strip_prefix("{\"")?.find("\":")?;
            let border = format!("}},{}", &self.list[..key + "{\"".len() + "\":".len()]);
            self.border = Some(memmem::Finder::new(border.as_bytes()).into_owned());
        }
        let length = match self.border.as_ref()?.find(rest.as_bytes()) {
            Some(found) => found + "}".len(),
            None => rest.len(),
        };
        let first = rest.get(..length).filter(|first| first.starts_with('{') && first.ends_with('}'))?;
        self.pass(length).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    /// All elements by the guess.
    fn split_alike(list: &str) -> Option<Vec<&str>> {
        let (mut elements, mut pieces) = (Elements::of(list), Vec::new());
        while elements.rest().is_some() {
            pieces.push(elements.split_first()?);
        }
        Some(pieces)
    }

    #[test]
    fn elements_are_passed_over_up_to_the_end_and_a_comma_needs_another_one() {
        let mut elements = Elements::of(r#"{"a":1},{"a":{"a":2}},{"b":3}"#);
        assert!(!elements.pass(6) && elements.pass(7) && elements.rest().is_some());
        assert_eq!(elements.split_first(), Some(r#"{"a":{"a":2}},{"b":3}"#));
        assert_eq!((elements.rest(), elements.split_first()), (None, None));
        let mut elements = Elements::of(r#"{"a":1},"#);
        assert!(elements.pass(7) && elements.rest() == Some(""));
        assert_eq!(elements.split_first(), None);
    }

    #[test]
    fn a_list_is_split_where_an_object_begins_like_the_first_one() {
        assert_eq!(
            split_alike(r#"{"a":{"b":1}},{"a":"}"},{"a":[]}"#),
            Some(vec![r#"{"a":{"b":1}}"#, r#"{"a":"}"}"#, r#"{"a":[]}"#])
        );
        assert_eq!(split_alike(""), Some(Vec::new()));
        for other in ["null", "1", r#"{"a":1},null"#, "{}", r#"null,{"a":1}"#, " {\"a\":1}"] {
            assert_eq!(split_alike(other), None, "{other}");
        }
    }

    fn values(depth: u32) -> impl Strategy<Value = Value> {
        let texts = "[ab\\\\\"{}:,]{0,7}".prop_map(Value::from);
        prop_oneof![texts, Just(Value::Null), (0..9_u64).prop_map(Value::from)].prop_recursive(
            depth,
            12,
            3,
            |inner| {
                let pairs = proptest::collection::vec(("[ab]", inner.clone()), 0..3);
                let objects = pairs.prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>()));
                prop_oneof![objects, proptest::collection::vec(inner, 0..3).prop_map(Value::from)]
            },
        )
    }

    proptest! {
        #[test]
        fn pieces_that_are_all_objects_are_the_elements(list in proptest::collection::vec(values(3), 0..5)) {
            let text = Value::from(list.clone()).to_string();
            let Some(pieces) = split_alike(&text[1..text.len() - 1]) else { return Ok(()) };
            let parsed: Result<Vec<Map<String, Value>>, _> = pieces.iter().map(|piece| serde_json::from_str(piece)).collect();
            if let Ok(objects) = parsed {
                prop_assert_eq!(objects.into_iter().map(Value::Object).collect::<Vec<_>>(), list);
            }
        }
    }
}

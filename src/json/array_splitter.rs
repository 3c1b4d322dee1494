//! Splits a JSON array of objects into its elements without parsing them.

use memchr::memmem;

/// Takes the elements of a JSON array from its front. A caller that knows where an element ends
/// skips it; otherwise [`split_next`](Self::split_next) splits it off heuristically.
pub struct ArraySplitter<'a> {
    /// The remaining text between the brackets; `None` after the last element.
    rest: Option<&'a str>,
    /// The end of an object, followed by the start of another one with the first key of the first
    /// object. Computed on first use.
    separator: Option<memmem::Finder<'static>>,
    list: &'a str,
}

impl<'a> ArraySplitter<'a> {
    /// Takes the text between the brackets of an array.
    pub fn new(list: &'a str) -> ArraySplitter<'a> {
        ArraySplitter { rest: Some(list).filter(|list| !list.is_empty()), separator: None, list }
    }

    /// The remaining text; `None` after the last element.
    #[inline]
    pub fn rest(&self) -> Option<&'a str> {
        self.rest
    }

    /// Skips an element of `length` bytes. Returns false, and skips nothing, unless the array ends
    /// or a comma follows.
    #[inline]
    pub fn skip(&mut self, length: usize) -> bool {
        let rest = self.rest.unwrap_or_default();
        match rest.as_bytes().get(length) {
            None => self.rest = None,
            Some(b',') => self.rest = rest.get(length + 1..),
            Some(_) => return false,
        }
        true
    }

    /// Splits off the next object: up to the place where an object ends and another one starts with
    /// the first key of the first object.
    ///
    /// This is a heuristic that looks into no string: the pieces are the elements only if each of
    /// them parses as an object. Returns `None` if there is no object to split off.
    pub fn split_next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        if self.separator.is_none() {
            let key = self.list.strip_prefix("{\"")?.find("\":")?;
            let separator = format!("}},{}", &self.list[..key + "{\"".len() + "\":".len()]);
            self.separator = Some(memmem::Finder::new(separator.as_bytes()).into_owned());
        }
        let length = match self.separator.as_ref()?.find(rest.as_bytes()) {
            Some(found) => found + "}".len(),
            None => rest.len(),
        };
        let first = rest.get(..length).filter(|first| first.starts_with('{') && first.ends_with('}'))?;
        self.skip(length).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    /// Splits the whole array with the heuristic.
    fn split_all(list: &str) -> Option<Vec<&str>> {
        let (mut elements, mut pieces) = (ArraySplitter::new(list), Vec::new());
        while elements.rest().is_some() {
            pieces.push(elements.split_next()?);
        }
        Some(pieces)
    }

    #[test]
    fn skips_elements_and_expects_one_after_a_comma() {
        let mut elements = ArraySplitter::new(r#"{"a":1},{"a":{"a":2}},{"b":3}"#);
        assert!(!elements.skip(6) && elements.skip(7) && elements.rest().is_some());
        assert_eq!(elements.split_next(), Some(r#"{"a":{"a":2}},{"b":3}"#));
        assert_eq!((elements.rest(), elements.split_next()), (None, None));
        let mut elements = ArraySplitter::new(r#"{"a":1},"#);
        assert!(elements.skip(7) && elements.rest() == Some(""));
        assert_eq!(elements.split_next(), None);
    }

    #[test]
    fn splits_where_an_object_starts_with_the_first_key() {
        assert_eq!(
            split_all(r#"{"a":{"b":1}},{"a":"}"},{"a":[]}"#),
            Some(vec![r#"{"a":{"b":1}}"#, r#"{"a":"}"}"#, r#"{"a":[]}"#])
        );
        assert_eq!(split_all(""), Some(Vec::new()));
        for other in ["null", "1", r#"{"a":1},null"#, "{}", r#"null,{"a":1}"#, " {\"a\":1}"] {
            assert_eq!(split_all(other), None, "{other}");
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
        fn pieces_that_all_parse_as_objects_are_the_elements(list in proptest::collection::vec(values(3), 0..5)) {
            let text = Value::from(list.clone()).to_string();
            let Some(pieces) = split_all(&text[1..text.len() - 1]) else { return Ok(()) };
            let parsed: Result<Vec<Map<String, Value>>, _> = pieces.iter().map(|piece| serde_json::from_str(piece)).collect();
            if let Ok(objects) = parsed {
                prop_assert_eq!(objects.into_iter().map(Value::Object).collect::<Vec<_>>(), list);
            }
        }
    }
}

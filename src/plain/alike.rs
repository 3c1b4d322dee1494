//! Objects in a list that all begin alike.

use memchr::memmem;

/// Splits what a list holds where an object ends and another begins with the same key as the first one.
///
/// This is a guess, and nothing is looked into: only when every piece turns out to be an object as a whole, the pieces are
/// the elements of the list. `None` when it does not begin and end with an object.
pub fn split_alike(list: &str) -> Option<Vec<&str>> {
    if list.is_empty() {
        return Some(Vec::new());
    }
    let after_key = list.strip_prefix("{\"")?.find("\":")? + "{\"".len() + "\":".len();
    if !list.ends_with('}') {
        return None;
    }
    let border = format!("}},{}", &list[..after_key]);
    let mut pieces = Vec::with_capacity(100);
    let mut start = 0;
    for found in memmem::find_iter(list.as_bytes(), border.as_bytes()) {
        pieces.push(list.get(start..=found)?);
        start = found + "},".len();
    }
    pieces.push(list.get(start..)?);
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

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

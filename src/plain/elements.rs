//! The elements of a list, as texts.

use memchr::memchr2;

/// Splits the list that starts here into the texts of its elements, without blanks around them, and says where it ends. They are not looked into: who
/// reads them finds out what they are. `None` when the list does not end.
pub fn elements(text: &str, start: usize) -> Option<(Vec<&str>, usize)> {
    let bytes = text.as_bytes();
    let (mut found, mut depth, mut element) = (Vec::new(), 0_usize, start + 1);
    let mut at = start;
    loop {
        match bytes.get(at)? {
            b'"' => at = end_of_string(bytes, at)?,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    if element < at || !found.is_empty() {
                        found.push(text.get(element..at)?.trim_ascii());
                    }
                    return Some((found, at + 1));
                }
            }
            b',' if depth == 1 => {
                found.push(text.get(element..at)?.trim_ascii());
                element = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the closing quote of the string is that opens here.
fn end_of_string(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_list_is_split_where_its_own_commas_are() {
        let text = r#"x[{"a":[1,2],"b":"],\""},null,"\\",[]]y"#;
        let (found, end) = elements(text, 1).expect("it ends");
        assert_eq!(found, [r#"{"a":[1,2],"b":"],\""}"#, "null", r#""\\""#, "[]"]);
        assert_eq!(&text[end..], "y");
        assert_eq!(elements("[]", 0), Some((Vec::new(), 2)));
        for endless in ["[", "[1", r#"["]"#, r#"["\"]"#, "[{]"] {
            assert_eq!(elements(endless, 0), None, "{endless}");
        }
    }

    proptest! {
        #[test]
        fn the_elements_are_those_of_the_parser(texts in proptest::collection::vec("[a-c\\\\\"\\[\\]{},é]{0,9}", 0..6)) {
            let list: Vec<Value> = texts.iter().map(|text| serde_json::json!([{ text.as_str(): text }, text])).collect();
            let text = Value::from(list.clone()).to_string();
            let (found, end) = elements(&text, 0).expect("it ends");
            prop_assert_eq!(end, text.len());
            let found: Vec<Value> = found.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect();
            prop_assert_eq!(found, list);
        }
    }
}

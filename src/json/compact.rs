//! Removes the white space between the tokens of a JSON text, which most JSON writers other than
//! ours insert.

use super::special_byte::special_byte;

/// Writes a one-line JSON text to `output` without the white space around its structural
/// characters. Returns `false` if there is no such white space or if the text cannot be JSON.
/// Nothing else is checked. Tokens stay as they are: white space between two tokens that would
/// merge is an error.
pub fn compact(text: &str, output: &mut String) -> bool {
    output.clear();
    let text = text.trim_matches(is_white_space);
    let bytes = text.as_bytes();
    let (mut copied, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => match end_of_string(bytes, at) {
                Some(end) => at = end,
                None => return false,
            },
            b' ' | b'\t' | b'\r' => {
                let length = bytes[at..].iter().take_while(|byte| is_white_space(char::from(**byte))).count();
                if !is_structural(bytes[at - 1]) && !is_structural(bytes[at + length]) {
                    return false;
                }
                output.push_str(&text[copied..at]);
                at += length;
                copied = at;
            }
            _ => at += 1,
        }
    }
    output.push_str(&text[copied..]);
    copied > 0
}

/// The position after the closing quote of the string whose opening quote is at `at`.
fn end_of_string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = special_byte(bytes, at + 1)?;
    while bytes[end] == b'\\' {
        end = special_byte(bytes, end + 2)?;
    }
    (bytes[end] == b'"').then_some(end + 1)
}

/// White space of JSON, without line breaks (RFC 8259, section 2). A form feed is none.
fn is_white_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r')
}

fn is_structural(byte: u8) -> bool {
    b"{}[]:,".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn compacted(text: &str) -> Option<String> {
        let mut output = String::new();
        compact(text, &mut output).then_some(output)
    }

    #[test]
    fn removes_white_space_only_between_tokens() {
        for (text, wanted) in [
            (r#"{"a": 1, "b c": "d: e, f"}"#, r#"{"a":1,"b c":"d: e, f"}"#),
            ("  { \"a\" :\t[ 1 , true ] } \r", r#"{"a":[1,true]}"#),
            (r#"{"a": "\" : \\"}"#, r#"{"a":"\" : \\"}"#),
        ] {
            assert_eq!(compacted(text).as_deref(), Some(wanted));
        }
        for text in [
            r#"{"a":1}"#,
            r#"{"a": 1 2}"#,
            r#"{"a": nu ll}"#,
            r#"{"a": "b" "c"}"#,
            r#"{"a": "b"#,
            r#"{"a":1} "#,
            "",
        ] {
            assert_eq!(compacted(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn compact_text_parses_to_the_same_value(text in r#"[{}\[\]:, \t\x0c"\\a1-]{0,24}"#) {
            if let Some(compact) = compacted(&text) {
                let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
                prop_assert_eq!(parse(&compact), parse(&text));
            }
        }

        #[test]
        fn compact_text_is_what_serde_writes(numbers in proptest::collection::vec(any::<i32>(), 1..6)) {
            let text = format!("{:?}", numbers);
            let value: Value = serde_json::from_str(&text).expect("a list");
            let wanted = value.to_string();
            prop_assert!(compacted(&text).is_none_or(|compact| compact == wanted));
        }
    }
}

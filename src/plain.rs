//! Reading JSON objects that are spelled plainly: no nesting, no escapes, no blanks, whole numbers only. Our own
//! commands write such lines, and they can be read many times faster than JSON at large. Whatever is not plain is
//! left to the JSON parser: this reader gives up rather than judge.

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text without escapes.
    Text(&'a str),
    /// A whole number that is not negative.
    Count(u64),
    /// True or false.
    Bool(bool),
    /// Null.
    Null,
}

/// Hands every field of the object to `take`, which says whether it goes on. False when the object is not plain, or
/// `take` did not go on: then nothing that was taken means anything.
pub fn fields<'a>(line: &'a str, mut take: impl FnMut(&'a str, Value<'a>) -> bool) -> bool {
    let bytes = line.as_bytes();
    if bytes.first() != Some(&b'{') {
        return false;
    }
    let mut at = 1;
    loop {
        let Some((key, after)) = text(line, at) else { return false };
        if bytes.get(after) != Some(&b':') {
            return false;
        }
        let Some((value, after)) = value(line, after + 1) else { return false };
        if !take(key, value) {
            return false;
        }
        match bytes.get(after) {
            Some(b',') => at = after + 1,
            Some(b'}') => return after + 1 == bytes.len(),
            _ => return false,
        }
    }
}

/// The value that starts here, and where it ends.
fn value(line: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let rest = &line.as_bytes()[at..];
    let word = |word: &str, value| rest.starts_with(word.as_bytes()).then_some((value, at + word.len()));
    match rest.first()? {
        b'"' => text(line, at).map(|(text, after)| (Value::Text(text), after)),
        b'0'..=b'9' => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            // A zero in front, a fraction, an exponent or a number beyond 64 bits is for the parser.
            if digits > 19 || (digits > 1 && rest[0] == b'0') {
                return None;
            }
            let count = rest[..digits].iter().fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'));
            Some((Value::Count(count), at + digits))
        }
        b't' => word("true", Value::Bool(true)),
        b'f' => word("false", Value::Bool(false)),
        b'n' => word("null", Value::Null),
        _ => None,
    }
}

/// The text whose opening quote is here, and where it ends.
fn text(line: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = line.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let end = at + 1 + plain_length(&bytes[at + 1..])?;
    Some((&line[at + 1..end], end + 1))
}

/// How many bytes there are before the closing quote; `None` when an escape or a control character comes first.
fn plain_length(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut at = 0;
    // Eight bytes at once: the lowest mark is that of the first byte that ends the run, whatever stands above it.
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = is_zero(word ^ (ONES * u64::from(b'"')));
        let escape = is_zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let marks = quote | escape | control;
        if marks != 0 {
            at += marks.trailing_zeros() as usize / 8;
            return (bytes[at] == b'"').then_some(at);
        }
        at += 8;
    }
    let found = bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20))?;
    (bytes[at + found] == b'"').then_some(at + found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
        let mut map = serde_json::Map::new();
        let is_plain = fields(line, |key, value| {
            let value = match value {
                Value::Text(text) => text.into(),
                Value::Count(count) => count.into(),
                Value::Bool(is) => is.into(),
                Value::Null => serde_json::Value::Null,
            };
            map.insert(key.to_owned(), value).is_none()
        });
        is_plain.then_some(map)
    }

    #[test]
    fn plain_objects_are_read_and_others_are_left_to_the_parser() {
        let map = read(r#"{"a":"x","b":17,"c":true,"d":false,"e":null,"ü":"größer als acht Bytes"}"#)
            .expect("plain");
        assert_eq!(map.len(), 6);
        assert_eq!(
            (&map["a"], &map["b"], &map["ü"]),
            (&"x".into(), &17.into(), &"größer als acht Bytes".into())
        );
        for other in [
            "",
            "{",
            "{}",
            "[]",
            "null",
            r#"{"a":"x""#,
            r#"{"a":"x"} "#,
            r#"{"a": "x"}"#,
            r#"{"a":"\n"}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a":-1}"#,
            r#"{"a":1.5}"#,
            r#"{"a":1e3}"#,
            r#"{"a":007}"#,
            r#"{"a":99999999999999999999}"#,
            r#"{"a":nul}"#,
            r#"{"a":truth}"#,
            r#"{"a":"x",}"#,
            r#"{a:1}"#,
            "{\"a\":\"a tab\t\"}",
            "{\"a\":\"\u{1}\"}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":"x"}{"#,
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_parser_reads(line in r#"\{("[a-c\\"é\x00-\x22]{0,12}":("[a-z "\\é\x1f]{0,20}"|[0-9]{1,21}|true|null),?){1,4}\}?"#) {
            if let Some(map) = read(&line) {
                let parsed: serde_json::Value = serde_json::from_str(&line).expect("what is plain is JSON");
                prop_assert_eq!(serde_json::Value::Object(map), parsed);
            }
        }
    }
}

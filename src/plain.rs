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

/// The keys that a reader looks for, and in which order they came last: lines of one writer have them in the same
/// order, so that the next key is known before it is read.
#[derive(Debug)]
pub struct Keys {
    /// Each with its quotes and the colon.
    spelled: Vec<String>,
    /// What came after each key; in the last place, what came first.
    next: Vec<usize>,
}

/// The fields of an object, one after the other.
#[derive(Debug)]
pub struct Fields<'a> {
    line: &'a str,
    at: usize,
    /// The key read last, by its number.
    last: usize,
}

/// What comes next in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A field with one of the keys looked for, by its number.
    Key(usize),
    /// A field with another key.
    Other,
    /// The end of the object and of the line.
    End,
}

impl Keys {
    /// These keys, expected in this order.
    pub fn new(keys: &[&str]) -> Keys {
        let spelled = keys.iter().map(|key| format!("\"{key}\":")).collect();
        Keys { spelled, next: (1..=keys.len()).chain([0]).collect() }
    }
}

impl<'a> Fields<'a> {
    /// The fields of the object in this line; `None` when it is not one.
    pub fn of(line: &'a str, keys: &Keys) -> Option<Fields<'a>> {
        line.starts_with('{').then_some(Fields { line, at: 0, last: keys.spelled.len() })
    }

    /// Reads the next key, of which the value has to be read or passed next; `None` when the object is not plain.
    pub fn next(&mut self, keys: &mut Keys) -> Option<Next> {
        match self.line.as_bytes().get(self.at)? {
            b',' if self.at > 0 => {}
            b'{' if self.at == 0 => {}
            b'}' => return (self.at + 1 == self.line.len()).then_some(Next::End),
            _ => return None,
        }
        self.at += 1;
        let guess = keys.next[self.last];
        if let Some(spelled) = keys.spelled.get(guess)
            && self.line.as_bytes()[self.at..].starts_with(spelled.as_bytes())
        {
            self.at += spelled.len();
            self.last = guess;
            return Some(Next::Key(guess));
        }
        let (_, after) = text(self.line, self.at)?;
        let key = self.line.get(self.at..=after)?;
        if !key.ends_with(':') {
            return None;
        }
        self.at = after + 1;
        let Some(number) = keys.spelled.iter().position(|spelled| spelled == key) else {
            return Some(Next::Other);
        };
        keys.next[self.last] = number;
        self.last = number;
        Some(Next::Key(number))
    }

    /// Reads the value of the key; `None` when it is not plain.
    pub fn value(&mut self) -> Option<Value<'a>> {
        let (value, after) = value(self.line, self.at)?;
        self.at = after;
        Some(value)
    }

    /// How far the line has been read, in bytes.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Passes over this text if it comes next: what it says is known, down to the key of its last value.
    pub fn pass(&mut self, text: &str, last_key: usize) -> bool {
        let is_next = !text.is_empty() && self.line.as_bytes()[self.at..].starts_with(text.as_bytes());
        if is_next {
            self.at += text.len();
            self.last = last_key;
        }
        is_next
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
        // Twice: the second time, the order of the keys is known.
        let mut keys = Keys::new(&["a", "b"]);
        let first = read_with(line, &mut keys);
        assert_eq!(read_with(line, &mut keys), first, "{line}");
        first
    }

    /// The fields named a and b, and the number of others.
    fn read_with(line: &str, keys: &mut Keys) -> Option<serde_json::Map<String, serde_json::Value>> {
        let mut map = serde_json::Map::new();
        let mut fields = Fields::of(line, keys)?;
        loop {
            let start = fields.position();
            let key = match fields.next(keys)? {
                Next::Key(0) => "a".to_owned(),
                Next::Key(_) => "b".to_owned(),
                Next::Other => line[start + 2..fields.position() - 2].to_owned(),
                Next::End => return Some(map),
            };
            let value = match fields.value()? {
                Value::Text(text) => text.into(),
                Value::Count(count) => count.into(),
                Value::Bool(is) => is.into(),
                Value::Null => serde_json::Value::Null,
            };
            if map.insert(key, value).is_some() {
                return None;
            }
        }
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

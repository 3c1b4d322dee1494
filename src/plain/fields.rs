//! The fields of an object without any object or list in it, one after the other.

use memchr::memchr;

use super::quote::quote;

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
    spelled: Vec<Spelled>,
    /// What came after each key the last two times it differed; in the last place, what came first.
    next: Vec<[usize; 2]>,
}

/// A key with its quotes and the colon, ready to be compared.
#[derive(Debug)]
struct Spelled {
    text: String,
    /// Its first eight bytes, as far as it has them, and which those are.
    head: u64,
    mask: u64,
}

/// The fields of an object, one after the other.
#[derive(Debug)]
pub struct Fields<'a> {
    line: &'a str,
    at: usize,
    /// Where the last field ends.
    end: usize,
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
    /// The end of the fields.
    End,
}

impl Keys {
    /// These keys, expected in this order.
    pub fn new(keys: &[&str]) -> Keys {
        let spelled = keys.iter().map(|key| Spelled::new(format!("\"{key}\":"))).collect();
        Keys { spelled, next: (1..=keys.len()).chain([0]).map(|next| [next; 2]).collect() }
    }
}

impl Spelled {
    fn new(text: String) -> Spelled {
        let mut head = [0; 8];
        let mut mask = [0; 8];
        for (place, byte) in text.bytes().take(8).enumerate() {
            (head[place], mask[place]) = (byte, 0xff);
        }
        Spelled { text, head: u64::from_le_bytes(head), mask: u64::from_le_bytes(mask) }
    }

    /// Whether these bytes start with it.
    #[inline]
    fn starts(&self, bytes: &[u8]) -> bool {
        // Nearly all keys are told by a word or two; comparing by length costs more than the key itself.
        let key = self.text.as_bytes();
        let Some(first) = bytes.first_chunk::<8>() else { return bytes.starts_with(key) };
        if (u64::from_le_bytes(*first) ^ self.head) & self.mask != 0 {
            return false;
        }
        match key.len() {
            ..=8 => true,
            length @ 9..=16 => bytes.get(length - 8..length) == key.get(length - 8..),
            _ => bytes.starts_with(key),
        }
    }
}

impl<'a> Fields<'a> {
    /// The fields of the object in this line; `None` when it is not one, or not plain.
    #[inline]
    pub fn of(line: &'a str, keys: &Keys) -> Option<Fields<'a>> {
        Fields::before(line, line.strip_suffix('}')?.len(), keys)
    }

    /// The fields of the object in this line that end before this place; `None` when they are not plain.
    #[inline]
    pub fn before(line: &'a str, end: usize, keys: &Keys) -> Option<Fields<'a>> {
        let bytes = line.as_bytes().get(..end)?;
        // Looked for here once, so that a text ends with the next quote.
        let has_control = bytes.iter().fold(false, |has, byte| has | (*byte < 0x20));
        let is_plain = bytes.starts_with(b"{") && !has_control && memchr(b'\\', bytes).is_none();
        is_plain.then_some(Fields { line, at: 0, end, last: keys.spelled.len() })
    }

    /// Reads the next key, of which the value has to be read or passed next; `None` when the object is not plain.
    #[inline]
    pub fn next(&mut self, keys: &mut Keys) -> Option<Next> {
        if self.at == self.end {
            return Some(Next::End);
        }
        let opening = if self.at == 0 { b'{' } else { b',' };
        if self.line.as_bytes()[self.at] != opening {
            return None;
        }
        self.at += 1;
        let rest = &self.line.as_bytes()[self.at..];
        for guess in keys.next[self.last] {
            if let Some(spelled) = keys.spelled.get(guess)
                && spelled.starts(rest)
            {
                self.at += spelled.text.len();
                self.last = guess;
                return Some(Next::Key(guess));
            }
        }
        let after = end_of_text(self.line, self.at)?;
        let key = self.line.get(self.at..=after)?;
        if !key.ends_with(':') {
            return None;
        }
        self.at = after + 1;
        let Some(number) = keys.spelled.iter().position(|spelled| spelled.text == key) else {
            return Some(Next::Other);
        };
        keys.next[self.last] = [number, keys.next[self.last][0]];
        self.last = number;
        Some(Next::Key(number))
    }

    /// Reads the value of the key; `None` when it is not plain.
    #[inline]
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
#[inline]
fn value(line: &str, at: usize) -> Option<(Value<'_>, usize)> {
    match line.as_bytes().get(at)? {
        b'"' => {
            let after = end_of_text(line, at)?;
            Some((Value::Text(line.get(at + 1..after - 1)?), after))
        }
        _ => word_or_count(line, at),
    }
}

fn word_or_count(line: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let rest = &line.as_bytes()[at..];
    let word = |word: &str, value| rest.starts_with(word.as_bytes()).then_some((value, at + word.len()));
    match rest.first()? {
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

/// Where the text ends whose opening quote is here: a number and not the text, as that fits into a register.
#[inline]
fn end_of_text(line: &str, at: usize) -> Option<usize> {
    let rest = line.as_bytes().get(at..)?.strip_prefix(b"\"")?;
    Some(at + quote(rest)? + 2)
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

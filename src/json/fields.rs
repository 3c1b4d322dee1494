//! The fields of an object, one after the other; what is plain about it is found out on the way.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use wide::u8x16;

use super::special_byte::{has_special_byte, special_byte};
use crate::base::digits;

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
    /// With its quotes and the colon, and with the comma before it.
    spelled: Vec<String>,
    /// What came after each key the last two times it differed, then what came first, and what came after keys that are not
    /// looked for when none of the others had come yet.
    expected: Vec<[Expected; 2]>,
}

/// A key that is expected, ready to be compared.
#[derive(Clone, Copy, Debug)]
struct Expected {
    number: usize,
    length: usize,
    /// Its first bytes, with what stands before it, and which of them there are.
    head: u8x16,
    mask: u8x16,
}

/// The fields of an object, one after the other.
#[derive(Debug)]
pub struct Fields<'a> {
    text: &'a str,
    at: usize,
    /// The key read last, as the place of what is expected after it.
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
        let spelled: Vec<String> = keys.iter().map(|key| format!(",\"{key}\":")).collect();
        let first = Expected::new(0, &spelled[0], b'{');
        let after = |number: usize| Expected::new(number, &spelled[number], b',');
        let of_each = (1..keys.len()).map(after).chain([after(0), first, after(0)]);
        Keys { expected: of_each.map(|key| [key; 2]).collect(), spelled }
    }

    /// Where it stands what is expected first.
    fn first(&self) -> usize {
        self.spelled.len()
    }
}

impl Expected {
    fn new(number: usize, spelled: &str, before: u8) -> Expected {
        let mut head = [0; 16];
        let mut mask = [0; 16];
        for (place, byte) in spelled.bytes().take(16).enumerate() {
            (head[place], mask[place]) = (byte, 0xff);
        }
        head[0] = before;
        Expected { number, length: spelled.len(), head: u8x16::new(head), mask: u8x16::new(mask) }
    }
}

impl<'a> Fields<'a> {
    /// The fields of the object that this text begins with.
    #[inline]
    pub fn of(text: &'a str, keys: &Keys) -> Fields<'a> {
        Fields { text, at: 0, last: keys.first() }
    }

    /// Reads the next key, of which the value has to be read or passed next; `None` when the object is not plain.
    // A third of it would be the call.
    #[inline(always)]
    pub fn next(&mut self, keys: &mut Keys) -> Option<Next> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let head = rest.first_chunk().map_or_else(|| filled_up(rest), |head| u8x16::new(*head));
        for guess in &keys.expected[self.last] {
            // Nearly all keys are told by one comparison; comparing by length costs more than the key itself.
            if (head ^ guess.head) & guess.mask == u8x16::ZERO
                && (guess.length <= 16 || rest[1..].starts_with(&keys.spelled[guess.number].as_bytes()[1..]))
            {
                self.at += guess.length;
                self.last = guess.number;
                return Some(Next::Key(guess.number));
            }
        }
        if rest.first() == Some(&b'}') && self.last != keys.first() {
            self.at += 1;
            return Some(Next::End);
        }
        self.search(keys)
    }

    /// Reads a key that was not expected, or the end of an object without any.
    #[inline(never)]
    fn search(&mut self, keys: &mut Keys) -> Option<Next> {
        let is_first = self.last == keys.first();
        let before = if is_first { b'{' } else { b',' };
        let (found, rest) = self.text.as_bytes().get(self.at..)?.split_first()?;
        self.at += 1;
        if *found != before {
            return None;
        }
        if is_first && rest.first() == Some(&b'}') {
            self.at += 1;
            return Some(Next::End);
        }
        let after = end_of_text(self.text, self.at)?;
        let key = self.text.get(self.at..=after)?;
        if !key.ends_with(':') {
            return None;
        }
        self.at = after + 1;
        let Some(number) = keys.spelled.iter().position(|spelled| spelled[1..] == *key) else {
            self.last += usize::from(is_first);
            return Some(Next::Other);
        };
        let expected = &mut keys.expected[self.last];
        *expected = [Expected::new(number, &keys.spelled[number], before), expected[0]];
        self.last = number;
        Some(Next::Key(number))
    }

    /// Reads the value of the key; `None` when it is not plain.
    #[inline]
    pub fn value(&mut self) -> Option<Value<'a>> {
        let (value, after) = value(self.text, self.at)?;
        self.at = after;
        Some(value)
    }

    /// Reads the value of the key, whatever valid JSON it is, as a value of this type; `None`, and nothing is read, when it
    /// is no such value, or does not end in this line.
    #[cold]
    pub fn parse<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let rest = self.text.get(self.at..)?;
        // A line break within a value would join two lines.
        let line = &rest[..memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len())];
        let mut values = serde_json::Deserializer::from_str(line).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// Passes over the value of the key, whatever valid JSON it is; `None` when it is not, or does not end in this line.
    #[inline]
    pub fn pass_value(&mut self) -> Option<()> {
        match self.value() {
            Some(_) => Some(()),
            None => self.parse::<IgnoredAny>().map(drop),
        }
    }

    /// Reads the value of the key with how it is spelled; `None` when it is not plain.
    #[inline]
    pub fn value_with_text(&mut self) -> Option<(Value<'a>, &'a str)> {
        let start = self.at;
        let value = self.value()?;
        Some((value, self.text.get(start..self.at)?))
    }

    /// Reads the value of the key if it is a text; `None`, and nothing is read, when it is none, or not plain.
    #[inline]
    pub fn text(&mut self) -> Option<&'a str> {
        let after = end_of_text(self.text, self.at)?;
        let text = self.text.get(self.at + 1..after - 1)?;
        self.at = after;
        Some(text)
    }

    /// Passes over the value of the key if it is a text, and says where that stands; `None`, and nothing is passed, when it is none, or
    /// not plain.
    #[inline]
    pub fn pass_text(&mut self) -> Option<Range<usize>> {
        let after = end_of_text(self.text, self.at)?;
        Some(self.pass_text_of(after - 2 - self.at))
    }

    /// Passes over the value of the key, which is a text of this length, and says where that stands.
    #[inline]
    pub fn pass_text_of(&mut self, length: usize) -> Range<usize> {
        let start = self.at + 1;
        self.at = start + length + 1;
        start..start + length
    }

    /// Reads the value of the key if it is a text with escapes that needs none: GitLab writes `&`, `<` and `>` so. `None`, and nothing
    /// is read, when it is anything else.
    #[cold]
    pub fn text_with_escapes(&mut self) -> Option<String> {
        let bytes = self.text.as_bytes();
        let mut end = special_byte(bytes, self.at + 1)?;
        while bytes[end] == b'\\' {
            end = special_byte(bytes, end + 2)?;
        }
        // What is no text to the parser is none here.
        let text: String = serde_json::from_str(self.text.get(self.at..=end)?).ok()?;
        if has_special_byte(text.as_bytes()) {
            return None;
        }
        self.at = end + 1;
        Some(text)
    }

    /// Reads a value that is a text or null; `None` when it is neither, or not plain.
    #[inline]
    pub fn text_or_null(&mut self) -> Option<Option<&'a str>> {
        match self.text() {
            None => (self.value()? == Value::Null).then_some(None),
            text => Some(text),
        }
    }

    /// Whether the value of the key is an object.
    pub fn is_at_object(&self) -> bool {
        self.text.as_bytes().get(self.at) == Some(&b'{')
    }

    /// The fields of the object that is the value of the key.
    #[inline]
    pub fn object(&self, keys: &Keys) -> Fields<'a> {
        Fields { at: self.at, ..Fields::of(self.text, keys) }
    }

    /// Goes on behind the object that is the value of the key, and was read to its end.
    #[inline]
    pub fn go_on_after(&mut self, object: &Fields<'a>) {
        self.at = object.at;
    }

    /// How far the text has been read, in bytes.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Passes over this text, which ends with this key and its colon, if it comes next.
    #[inline]
    pub fn passes(&mut self, text: &str, last_key: usize) -> bool {
        let comes_next = self.rest().starts_with(text.as_bytes());
        if comes_next {
            self.pass(text.len(), last_key);
        }
        comes_next
    }

    /// Passes over so many bytes whose content is known, down to the value of this key.
    #[inline]
    pub fn pass(&mut self, length: usize, last_key: usize) {
        self.at += length;
        self.last = last_key;
    }
}

/// The end of a text, with nothing behind it.
#[cold]
fn filled_up(rest: &[u8]) -> u8x16 {
    let mut head = [0; 16];
    head[..rest.len()].copy_from_slice(rest);
    u8x16::new(head)
}

/// The value that starts here, and where it ends.
#[inline]
fn value(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    match text.as_bytes().get(at)? {
        b'"' => {
            let after = end_of_text(text, at)?;
            Some((Value::Text(text.get(at + 1..after - 1)?), after))
        }
        _ => word_or_count(text, at),
    }
}

fn word_or_count(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let rest = &text.as_bytes()[at..];
    let word = |word: &str, value| rest.starts_with(word.as_bytes()).then_some((value, at + word.len()));
    match rest.first()? {
        b'0'..=b'9' => {
            let (count, digits) = digits::parse_prefix(rest);
            // A zero in front, a fraction, an exponent or a number beyond 64 bits is for the parser.
            let ends = !rest.get(digits).is_some_and(u8::is_ascii_digit);
            (ends && (digits == 1 || rest[0] != b'0')).then_some((Value::Count(count), at + digits))
        }
        b't' => word("true", Value::Bool(true)),
        b'f' => word("false", Value::Bool(false)),
        b'n' => word("null", Value::Null),
        _ => None,
    }
}

/// Where the text ends whose opening quote is here: a number and not the text, as that fits into a register.
#[inline]
fn end_of_text(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let end = special_byte(bytes, at + 1)?;
    (bytes[end] == b'"').then_some(end + 1)
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
        let mut fields = Fields::of(line, keys);
        loop {
            let start = fields.position();
            let key = match fields.next(keys)? {
                Next::Key(0) => "a".to_owned(),
                Next::Key(_) => "b".to_owned(),
                Next::Other => line[start + 2..fields.position() - 2].to_owned(),
                Next::End => return fields.rest().is_empty().then_some(map),
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
        assert_eq!((map.len(), read("{}")), (6, Some(serde_json::Map::new())));
        assert_eq!(
            (&map["a"], &map["b"], &map["ü"]),
            (&"x".into(), &17.into(), &"größer als acht Bytes".into())
        );
        for other in [
            "",
            "{",
            "{,}",
            "{}}",
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

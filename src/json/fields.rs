//! Reads the fields of an object one by one, as long as they are in canonical form.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use wide::u8x16;

use super::special_byte::{has_special_byte, special_byte};
use crate::base::digits;

/// A scalar value in canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string without escapes.
    Text(&'a str),
    /// A non-negative integer.
    Count(u64),
    /// True or false.
    Bool(bool),
    /// Null.
    Null,
}

/// The keys that a reader looks for, and the order in which they came last. Lines of one writer
/// have them in the same order, so the next key can be predicted.
#[derive(Debug)]
pub struct Keys {
    /// Each key with its quotes, the colon after it and the comma before it: `,"key":`.
    patterns: Vec<String>,
    /// The last two different keys that followed each key, by its index. Then, at [`Keys::first`],
    /// those that came first; then those that followed other keys before any of these had come.
    expected: Vec<[ExpectedKey; 2]>,
}

/// A predicted key, prepared for comparison.
#[derive(Clone, Copy, Debug)]
struct ExpectedKey {
    /// Its index in [`Keys`].
    index: usize,
    /// Its length in bytes, with the comma or brace before it and the colon after it.
    length: usize,
    /// Its first 16 bytes, with the comma or brace, padded with zeros.
    head: u8x16,
    /// 0xff for each byte of `head` that is not padding.
    mask: u8x16,
}

/// A reader of the fields of an object.
#[derive(Debug)]
pub struct Fields<'a> {
    text: &'a str,
    at: usize,
    /// The index of the last key in [`Keys::expected`].
    last: usize,
}

/// What comes next in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A field with a known key: its index in [`Keys`].
    Key(usize),
    /// A field with another key.
    Other,
    /// The end of the fields.
    End,
}

impl Keys {
    /// Creates keys that are expected in this order at first.
    pub fn new(keys: &[&str]) -> Keys {
        let patterns: Vec<String> = keys.iter().map(|key| format!(",\"{key}\":")).collect();
        let first = ExpectedKey::new(0, &patterns[0], b'{');
        let after = |index: usize| ExpectedKey::new(index, &patterns[index], b',');
        let of_each = (1..keys.len()).map(after).chain([after(0), first, after(0)]);
        Keys { expected: of_each.map(|key| [key; 2]).collect(), patterns }
    }

    /// The index in `expected` of the keys that come first.
    fn first(&self) -> usize {
        self.patterns.len()
    }
}

impl ExpectedKey {
    fn new(index: usize, pattern: &str, before: u8) -> ExpectedKey {
        let mut head = [0; 16];
        let mut mask = [0; 16];
        for (at, byte) in pattern.bytes().take(16).enumerate() {
            (head[at], mask[at]) = (byte, 0xff);
        }
        head[0] = before;
        ExpectedKey { index, length: pattern.len(), head: u8x16::new(head), mask: u8x16::new(mask) }
    }
}

impl<'a> Fields<'a> {
    /// Reads the object at the start of `text`.
    #[inline]
    pub fn new(text: &'a str, keys: &Keys) -> Fields<'a> {
        Fields { text, at: 0, last: keys.first() }
    }

    /// Reads the next key. The caller has to read or skip its value next. `None` if the object is
    /// not in canonical form.
    // A call would take a third of the time.
    #[inline(always)]
    pub fn next(&mut self, keys: &mut Keys) -> Option<Next> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let head = rest.first_chunk().map_or_else(|| zero_padded(rest), |head| u8x16::new(*head));
        for key in &keys.expected[self.last] {
            // One comparison is enough for nearly all keys. A comparison of variable length costs
            // more than reading the key.
            if (head ^ key.head) & key.mask == u8x16::ZERO
                && (key.length <= 16 || rest[1..].starts_with(&keys.patterns[key.index].as_bytes()[1..]))
            {
                self.at += key.length;
                self.last = key.index;
                return Some(Next::Key(key.index));
            }
        }
        if rest.first() == Some(&b'}') && self.last != keys.first() {
            self.at += 1;
            return Some(Next::End);
        }
        self.search(keys)
    }

    /// Reads a key that was not predicted, or the end of an object without fields.
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
        let after = end_of_string(self.text, self.at)?;
        let key = self.text.get(self.at..=after)?;
        if !key.ends_with(':') {
            return None;
        }
        self.at = after + 1;
        let Some(index) = keys.patterns.iter().position(|pattern| pattern[1..] == *key) else {
            self.last += usize::from(is_first);
            return Some(Next::Other);
        };
        let expected = &mut keys.expected[self.last];
        *expected = [ExpectedKey::new(index, &keys.patterns[index], before), expected[0]];
        self.last = index;
        Some(Next::Key(index))
    }

    /// Reads the value; `None` if it is not a scalar in canonical form.
    #[inline]
    pub fn value(&mut self) -> Option<Value<'a>> {
        let (value, after) = value(self.text, self.at)?;
        self.at = after;
        Some(value)
    }

    /// Deserializes the value, which may be any valid JSON. `None`, and nothing is read, if it is
    /// not a `T` or does not end in this line.
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

    /// Skips the value, which may be any valid JSON; `None` if it is not, or does not end in this
    /// line.
    #[inline]
    pub fn skip_value(&mut self) -> Option<()> {
        match self.value() {
            Some(_) => Some(()),
            None => self.parse::<IgnoredAny>().map(drop),
        }
    }

    /// Reads the value and its JSON text; `None` if it is not a scalar in canonical form.
    #[inline]
    pub fn value_and_source(&mut self) -> Option<(Value<'a>, &'a str)> {
        let start = self.at;
        let value = self.value()?;
        Some((value, self.text.get(start..self.at)?))
    }

    /// Reads the value; `None`, and nothing is read, if it is not a string without escapes.
    #[inline]
    pub fn text(&mut self) -> Option<&'a str> {
        let after = end_of_string(self.text, self.at)?;
        let text = self.text.get(self.at + 1..after - 1)?;
        self.at = after;
        Some(text)
    }

    /// Skips the value and returns its range without the quotes; `None`, and nothing is skipped, if
    /// it is not a string without escapes.
    #[inline]
    pub fn skip_text(&mut self) -> Option<Range<usize>> {
        let after = end_of_string(self.text, self.at)?;
        Some(self.skip_text_of_len(after - 2 - self.at))
    }

    /// Skips the value, a string of `length` bytes, and returns its range without the quotes.
    #[inline]
    pub fn skip_text_of_len(&mut self, length: usize) -> Range<usize> {
        let start = self.at + 1;
        self.at = start + length + 1;
        start..start + length
    }

    /// Reads the value if it is a string with escapes that it does not need: GitLab escapes `&`,
    /// `<` and `>`. `None`, and nothing is read, for anything else.
    #[cold]
    pub fn text_with_escapes(&mut self) -> Option<String> {
        let bytes = self.text.as_bytes();
        let mut end = special_byte(bytes, self.at + 1)?;
        while bytes[end] == b'\\' {
            end = special_byte(bytes, end + 2)?;
        }
        // The parser decides whether the escapes are valid.
        let text: String = serde_json::from_str(self.text.get(self.at..=end)?).ok()?;
        if has_special_byte(text.as_bytes()) {
            return None;
        }
        self.at = end + 1;
        Some(text)
    }

    /// Reads a string without escapes or null; `None` if the value is neither.
    #[inline]
    pub fn text_or_null(&mut self) -> Option<Option<&'a str>> {
        match self.text() {
            None => (self.value()? == Value::Null).then_some(None),
            text => Some(text),
        }
    }

    /// Whether the value is an object.
    pub fn is_at_object(&self) -> bool {
        self.text.as_bytes().get(self.at) == Some(&b'{')
    }

    /// A reader of the fields of the value, an object. See
    /// [`continue_after`](Self::continue_after).
    #[inline]
    pub fn object(&self, keys: &Keys) -> Fields<'a> {
        Fields { at: self.at, ..Fields::new(self.text, keys) }
    }

    /// Continues after the value, an object that `object` has read to its end.
    #[inline]
    pub fn continue_after(&mut self, object: &Fields<'a>) {
        self.at = object.at;
    }

    /// The number of bytes that have been read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The bytes that have not been read.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Skips `text` if it comes next, and returns whether it does. `last_key` is the index of the
    /// last key in it, or of the current key if `text` is a value.
    #[inline]
    pub fn skip_if_next(&mut self, text: &str, last_key: usize) -> bool {
        let comes_next = self.rest().starts_with(text.as_bytes());
        if comes_next {
            self.skip(text.len(), last_key);
        }
        comes_next
    }

    /// Skips `length` bytes whose content is known; `last_key` is the index of the last key in
    /// them.
    #[inline]
    pub fn skip(&mut self, length: usize, last_key: usize) {
        self.at += length;
        self.last = last_key;
    }
}

/// The last bytes of a text, padded with zeros.
#[cold]
fn zero_padded(rest: &[u8]) -> u8x16 {
    let mut head = [0; 16];
    head[..rest.len()].copy_from_slice(rest);
    u8x16::new(head)
}

/// The value that starts at `at`, and the position after it.
#[inline]
fn value(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    match text.as_bytes().get(at)? {
        b'"' => {
            let after = end_of_string(text, at)?;
            Some((Value::Text(text.get(at + 1..after - 1)?), after))
        }
        _ => literal_or_count(text, at),
    }
}

fn literal_or_count(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let rest = &text.as_bytes()[at..];
    let word = |word: &str, value| rest.starts_with(word.as_bytes()).then_some((value, at + word.len()));
    match rest.first()? {
        b'0'..=b'9' => {
            let (count, digits) = digits::parse_prefix(rest);
            // A leading zero, a fraction, an exponent and a number of more than 64 bits are left to
            // the parser.
            let ends = !rest.get(digits).is_some_and(u8::is_ascii_digit);
            (ends && (digits == 1 || rest[0] != b'0')).then_some((Value::Count(count), at + digits))
        }
        b't' => word("true", Value::Bool(true)),
        b'f' => word("false", Value::Bool(false)),
        b'n' => word("null", Value::Null),
        _ => None,
    }
}

/// The position after the closing quote of the string whose opening quote is at `at`. Returns a
/// position instead of the string because that fits into a register.
#[inline]
fn end_of_string(text: &str, at: usize) -> Option<usize> {
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
        // Twice: the second time, the keys are predicted.
        let mut keys = Keys::new(&["a", "b"]);
        let first = read_with(line, &mut keys);
        assert_eq!(read_with(line, &mut keys), first, "{line}");
        first
    }

    /// All fields, of which `a` and `b` are known keys.
    fn read_with(line: &str, keys: &mut Keys) -> Option<serde_json::Map<String, serde_json::Value>> {
        let mut map = serde_json::Map::new();
        let mut fields = Fields::new(line, keys);
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
    fn reads_canonical_objects_and_leaves_the_rest_to_the_parser() {
        let map = read(r#"{"a":"x","b":17,"c":true,"d":false,"e":null,"ü":"größer als acht Bytes"}"#)
            .expect("canonical form");
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
        fn agrees_with_the_parser(line in r#"\{("[a-c\\"é\x00-\x22]{0,12}":("[a-z "\\é\x1f]{0,20}"|[0-9]{1,21}|true|null),?){1,4}\}?"#) {
            if let Some(map) = read(&line) {
                let parsed: serde_json::Value = serde_json::from_str(&line).expect("canonical form is JSON");
                prop_assert_eq!(serde_json::Value::Object(map), parsed);
            }
        }
    }
}

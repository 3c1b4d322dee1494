//! A serde deserializer for JSON in canonical form.

use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::special_byte::special_byte;

/// Deserializes a value from the whole text; `None` if the text is not in canonical form or does
/// not hold a `T`.
pub fn from_str<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = T::deserialize(&mut reader).ok()?;
    (reader.at == text.len()).then_some(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The number of open objects and arrays.
    depth: u32,
}

/// Deeper nesting is left to the parser, which has its own limit: without a limit, a malicious line
/// could overflow the stack.
const MAX_DEPTH: u32 = 64;

/// The fast path does not support the text; the JSON parser decides what it is and reports errors.
#[derive(Debug)]
struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not in canonical form")
    }
}

impl std::error::Error for Unsupported {}

impl de::Error for Unsupported {
    fn custom<T: fmt::Display>(_: T) -> Unsupported {
        Unsupported
    }
}

impl<'a> Reader<'a> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips this byte; any other one is an error.
    fn expect(&mut self, byte: u8) -> Result<(), Unsupported> {
        if self.next() != Some(byte) {
            return Err(Unsupported);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Unsupported> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Unsupported);
        }
        self.at += word.len();
        Ok(())
    }

    #[inline]
    fn string(&mut self) -> Result<&'a str, Unsupported> {
        self.expect(b'"')?;
        let start = self.at;
        self.at = special_byte(self.text.as_bytes(), start).ok_or(Unsupported)?;
        let string = &self.text[start..self.at];
        self.expect(b'"').map(|()| string)
    }

    /// Skips the opening bracket of an object or array.
    #[inline]
    fn descend(&mut self) -> Result<(), Unsupported> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Unsupported) } else { Ok(()) }
    }

    /// Reads a number. One with a sign, an exponent or more than 19 digits is left to the parser.
    fn number<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Unsupported> {
        let rest = &self.text.as_bytes()[self.at..];
        let digits_of = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = digits_of(rest);
        if digits == 0 || digits > 19 || (digits > 1 && rest[0] == b'0') {
            return Err(Unsupported);
        }
        let after = rest.get(digits);
        if after != Some(&b'.') {
            self.at += digits;
            return visitor
                .visit_u64(rest[..digits].iter().fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0')));
        }
        let length = digits + 1 + digits_of(&rest[digits + 1..]);
        if length == digits + 1 || matches!(rest.get(length), Some(b'e' | b'E')) {
            return Err(Unsupported);
        }
        let text = &self.text[self.at..self.at + length];
        self.at += length;
        visitor.visit_f64(text.parse().map_err(|_| Unsupported)?)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unsupported;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsupported> {
        match self.next().ok_or(Unsupported)? {
            b'"' => visitor.visit_borrowed_str(self.string()?),
            b'0'..=b'9' => self.number(visitor),
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            b't' => self.word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.word("false").and_then(|()| visitor.visit_bool(false)),
            b'{' => {
                self.descend()?;
                let value = visitor.visit_map(Members { reader: self, is_first: true, end: b'}' })?;
                self.depth -= 1;
                self.expect(b'}').map(|()| value)
            }
            b'[' => {
                self.descend()?;
                let value = visitor.visit_seq(Members { reader: self, is_first: true, end: b']' })?;
                self.depth -= 1;
                self.expect(b']').map(|()| value)
            }
            _ => Err(Unsupported),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsupported> {
        match self.next() {
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unsupported> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unsupported> {
        visitor.visit_enum(self.string()?.into_deserializer())
    }

    // serde reads a struct from an array, too; here only an object is one.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unsupported> {
        match self.next() {
            Some(b'{') => self.deserialize_any(visitor),
            _ => Err(Unsupported),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

/// Reads the members of an object or the elements of an array.
struct Members<'r, 'a> {
    reader: &'r mut Reader<'a>,
    is_first: bool,
    end: u8,
}

impl Members<'_, '_> {
    /// Whether there is another member. Skips the comma before it.
    #[inline]
    fn has_next(&mut self) -> Result<bool, Unsupported> {
        if self.reader.next() == Some(self.end) {
            return Ok(false);
        }
        if !std::mem::take(&mut self.is_first) {
            self.reader.expect(b',')?;
        }
        Ok(true)
    }
}

impl<'a> MapAccess<'a> for Members<'_, 'a> {
    type Error = Unsupported;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Unsupported> {
        if !self.has_next()? {
            return Ok(None);
        }
        if self.reader.next() != Some(b'"') {
            return Err(Unsupported);
        }
        let key = seed.deserialize(&mut *self.reader)?;
        self.reader.expect(b':').map(|()| Some(key))
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Unsupported> {
        seed.deserialize(&mut *self.reader)
    }
}

impl<'a> SeqAccess<'a> for Members<'_, 'a> {
    type Error = Unsupported;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unsupported> {
        if !self.has_next()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Node<'a> {
        #[serde(borrow)]
        a: Cow<'a, str>,
        b: Option<u32>,
        #[serde(borrow, default)]
        c: Option<Box<Node<'a>>>,
        #[serde(default)]
        d: Value,
    }

    #[test]
    fn reads_canonical_json_and_leaves_the_rest_to_the_parser() {
        let node: Node =
            from_str(r#"{"a":"é","x":[1,{"y":null}],"b":17,"c":{"a":"","b":null}}"#).expect("canonical form");
        assert_eq!((node.a.as_ref(), node.b, node.c.expect("it is there").b), ("é", Some(17), None));
        for other in [
            "",
            "{",
            r#"{"a":"x","b":1"#,
            r#"{"a":"x","b":1} "#,
            r#"{"a":"x" ,"b":1}"#,
            r#"{"a":"\n","b":1}"#,
            r#"{"a":"x","b":-1}"#,
            r#"{"a":"x","b":1.0}"#,
            r#"{"a":"x","b":01}"#,
            r#"{"a":"x","b":1,"d":1.}"#,
            r#"{"a":"x","b":1,"d":.5}"#,
            r#"{"a":"x","b":1,"d":1.5e3}"#,
            r#"{"a":"x","b":1,"d":00.5}"#,
            r#"{"a":"x","b":1,}"#,
            r#"["x",1]"#,
            r#"{"a":"x","a":"y","b":1}"#,
            r#"{"a":"x","b":4294967296}"#,
            r#"{"b":1}"#,
            r#"{"a":"x","b":1}}"#,
            r#"{"a":"x","b":1,"d":tru}"#,
            r#"{"a":"x","b":1,"d":{1:2}}"#,
            "{\"a\":\"\u{1}\",\"b\":1}",
            r#"{"a":"x","b":1,"d":[1,]}"#,
            r#"{"a":"x","b":1,"d":[1 2]}"#,
        ] {
            assert_eq!(from_str::<Node>(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_parser(text in r#"[\[{]("[a-c\\"é]{0,3}":)?("[a-z"é\x1f]{0,9}"|[0-9]{1,21}(\.[0-9]{0,21})?|true|null|\[\]|\{"a":1\}|,| ){0,5}[\]}]"#) {
            if let Some(value) = from_str::<Value>(&text) {
                let parsed: Value = serde_json::from_str(&text).expect("canonical form is JSON");
                prop_assert_eq!(value, parsed);
            }
        }

        #[test]
        fn reads_what_serde_writes_without_escapes(values in proptest::collection::vec(any::<u64>(), 0..5), share in 0.001..10_f64, text in "[a-zé/:]{0,9}") {
            let value = serde_json::json!({ "a": values, "x": share, "b": { "c": text, "d": null, "e": [true, false, {}] } });
            // A number of more than 19 digits is left to the parser.
            prop_assume!(values.iter().all(|value| *value < 10_u64.pow(19)));
            prop_assert_eq!(from_str::<Value>(&value.to_string()), Some(value));
        }
    }
}

//! The fields of an object, one after the other; what is plain about it is found out on the way.

use wide::u8x16;

use super::sign::sign;

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
    /// Its first bytes, and which of them there are.
    head: u8x16,
    mask: u8x16,
}

/// The fields of an object, one after the other.
#[derive(Debug)]
pub struct Fields<'a> {
    text: &'a str,
    at: usize,
    /// What the next field begins with: the bracket of the object, or a comma.
    opening: u8,
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
        let mut head = [0; 16];
        let mut mask = [0; 16];
        for (place, byte) in text.bytes().take(16).enumerate() {
            (head[place], mask[place]) = (byte, 0xff);
        }
        Spelled { text, head: u8x16::new(head), mask: u8x16::new(mask) }
    }

    /// Whether these bytes start with it.
    #[inline]
    fn starts(&self, bytes: &[u8]) -> bool {
        // Nearly all keys are told by one comparison; comparing by length costs more than the key itself.
        let Some(first) = bytes.first_chunk() else { return bytes.starts_with(self.text.as_bytes()) };
        let differs = (u8x16::new(*first) ^ self.head) & self.mask;
        differs == u8x16::ZERO && (self.text.len() <= first.len() || bytes.starts_with(self.text.as_bytes()))
    }
}

impl<'a> Fields<'a> {
    /// The fields of the object that this text is.
    #[inline]
    pub fn of(text: &'a str, keys: &Keys) -> Fields<'a> {
        Fields { text, at: 0, opening: b'{', last: keys.spelled.len() }
    }

    /// Reads the next key, of which the value has to be read or passed next; `None` when the object is not plain.
    #[inline]
    pub fn next(&mut self, keys: &mut Keys) -> Option<Next> {
        let rest = &self.text.as_bytes()[self.at..];
        let (first, rest) = rest.split_first()?;
        if *first != self.opening {
            let is_end = *first == b'}' && self.opening == b',';
            self.at += 1;
            return is_end.then_some(Next::End);
        }
        self.at += 1;
        for guess in keys.next[self.last] {
            if let Some(spelled) = keys.spelled.get(guess)
                && spelled.starts(rest)
            {
                self.at += spelled.text.len();
                self.opening = b',';
                self.last = guess;
                return Some(Next::Key(guess));
            }
        }
        if std::mem::replace(&mut self.opening, b',') == b'{' && rest.starts_with(b"}") {
            self.at += 1;
            return Some(Next::End);
        }
        self.search(keys)
    }

    /// Reads a key that was not expected.
    #[inline(never)]
    fn search(&mut self, keys: &mut Keys) -> Option<Next> {
        let after = end_of_text(self.text, self.at)?;
        let key = self.text.get(self.at..=after)?;
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
        let (value, after) = value(self.text, self.at)?;
        self.at = after;
        Some(value)
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

    /// Whether nothing follows.
    pub fn is_over(&self) -> bool {
        self.at == self.text.len()
    }

    /// Passes over this text if it comes next: what it says is known, down to the key of its last value.
    pub fn pass(&mut self, text: &str, last_key: usize) -> bool {
        let is_next = !text.is_empty() && self.text.as_bytes()[self.at..].starts_with(text.as_bytes());
        if is_next {
            self.at += text.len();
            self.last = last_key;
        }
        is_next
    }
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
fn end_of_text(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let end = sign(bytes, at + 1)?;
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
                Next::End => return fields.is_over().then_some(map),
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

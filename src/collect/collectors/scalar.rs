//! A scalar of a free-form field: a text or number; any other value counts as missing.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json::{Fields, Value};

/// A non-empty text or a number, as text without surrounding white space; `None` for anything else.
/// Any JSON value deserializes, so that an unexpected one does not invalidate its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scalar<'a>(pub(super) Option<Cow<'a, str>>);

impl<'a> Scalar<'a> {
    /// Decodes the next value if it is in canonical form; `None` means to use the JSON parser.
    #[inline]
    pub(super) fn decode_fast(fields: &mut Fields<'a>) -> Option<Scalar<'a>> {
        let text = match fields.text() {
            Some(text) => Some(trimmed(text)).filter(|text| !text.is_empty()),
            None => match fields.value_and_source() {
                Some((Value::Count(_), digits)) => Some(digits),
                Some((Value::Bool(_) | Value::Null, _)) => None,
                Some((Value::Text(_), _)) => return None,
                None => return Some(Scalar::of(&fields.text_with_escapes()?)),
            },
        };
        Some(Scalar(text.map(Cow::from)))
    }

    /// The scalar of a temporary text.
    fn of(text: &str) -> Scalar<'a> {
        let text = trimmed(text);
        Scalar((!text.is_empty()).then(|| text.to_owned().into()))
    }
}

/// The text without surrounding white space. Nearly all texts have none, which is checked first.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim(),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar<'a>, D::Error> {
        struct Anything;
        impl<'de> Visitor<'de> for Anything {
            type Value = Scalar<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar(Some(text.trim().into()).filter(|text: &Cow<'_, str>| !text.is_empty())))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::of(text))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar<'de>, E> {
                Ok(Scalar(Some(number.to_string().into())))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar(Some(number.to_string().into())))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar(serde_json::Number::from_f64(number).map(|number| number.to_string().into())))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar(None))
            }

            fn visit_unit<E: Error>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Scalar<'de>, A::Error> {
                while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar(None))
            }
        }
        deserializer.deserialize_any(Anything)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_texts_and_numbers_and_accepts_any_value() {
        for (json, expected) in [
            (r#"" a\u0062 ""#, Some("ab")),
            (r#"" ab ""#, Some("ab")),
            ("17", Some("17")),
            ("-17", Some("-17")),
            ("1.5", Some("1.5")),
            (r#""  ""#, None),
            ("null", None),
            ("true", None),
            (r#"[1,{"a":[]}]"#, None),
            (r#"{"a":{"b":1}}"#, None),
        ] {
            let scalar: Scalar<'_> = serde_json::from_str(json).expect("it can be read");
            assert_eq!(scalar.0.as_deref(), expected, "{json}");
        }
    }
}

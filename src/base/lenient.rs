//! Deserializers for lines that other engines write: some SQL engines write booleans as 0 and 1,
//! and 64-bit integers as strings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::base::calendar::Timestamp;

/// `true`, `false`, 1 or 0.
pub(crate) fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Boolean;
    impl Visitor<'_> for Boolean {
        type Value = bool;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("true, false, 1 or 0")
        }
        fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
            Ok(value)
        }
        fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
            match number {
                0 | 1 => Ok(number == 1),
                _ => Err(E::custom("expected true, false, 1 or 0")),
            }
        }
    }
    deserializer.deserialize_any(Boolean)
}

/// A non-negative integer, or a string that contains one.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Integer;
    impl Visitor<'_> for Integer {
        type Value = u64;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a non-negative integer")
        }
        fn visit_u64<E: Error>(self, count: u64) -> Result<u64, E> {
            Ok(count)
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Integer)
}

/// A timestamp per text, for example per user: an object, or an array of `[text, timestamp]` pairs.
/// The earliest timestamp of a text wins.
pub(crate) fn earliest_by_text<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Cow<'a, str>, Timestamp>, D::Error> {
    struct Earliest<'a>(PhantomData<&'a ()>);
    impl<'de: 'a, 'a> Visitor<'de> for Earliest<'a> {
        type Value = BTreeMap<Cow<'a, str>, Timestamp>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("texts, each with a timestamp")
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut earliest = BTreeMap::new();
            while let Some((text, at)) = map.next_entry()? {
                keep_earliest(&mut earliest, text, at);
            }
            Ok(earliest)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
            let mut earliest = BTreeMap::new();
            while let Some((text, at)) = pairs.next_element()? {
                keep_earliest(&mut earliest, text, at);
            }
            Ok(earliest)
        }
    }
    deserializer.deserialize_any(Earliest(PhantomData))
}

fn keep_earliest<'a>(texts: &mut BTreeMap<Cow<'a, str>, Timestamp>, text: Cow<'a, str>, at: Timestamp) {
    let earliest = texts.entry(text).or_insert(at);
    *earliest = at.min(*earliest);
}

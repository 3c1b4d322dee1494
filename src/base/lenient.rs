//! Deserializers for what other engines write: SQL engines without booleans write 0 and 1, and 64-bit numbers as strings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::base::calendar::Timestamp;

/// `true`, `false`, 1 or 0.
pub(crate) fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Truth;
    impl Visitor<'_> for Truth {
        type Value = bool;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("true, false, 1 or 0")
        }
        fn visit_bool<E: Error>(self, truth: bool) -> Result<bool, E> {
            Ok(truth)
        }
        fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
            match number {
                0 | 1 => Ok(number == 1),
                _ => Err(E::custom("neither 0 nor 1")),
            }
        }
    }
    deserializer.deserialize_any(Truth)
}

/// A count, bare or in quotes.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Count;
    impl Visitor<'_> for Count {
        type Value = u64;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a count")
        }
        fn visit_u64<E: Error>(self, count: u64) -> Result<u64, E> {
            Ok(count)
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Count)
}

/// The moment of each user: an object, or a list of pairs, of which the earliest of a user counts.
pub(crate) fn moments<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Cow<'a, str>, Timestamp>, D::Error> {
    struct Moments<'a>(PhantomData<&'a ()>);
    impl<'de: 'a, 'a> Visitor<'de> for Moments<'a> {
        type Value = BTreeMap<Cow<'a, str>, Timestamp>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("users with a moment each")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut moments = BTreeMap::new();
            while let Some((user, at)) = map.next_entry()? {
                note(&mut moments, user, at);
            }
            Ok(moments)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
            let mut moments = BTreeMap::new();
            while let Some((user, at)) = pairs.next_element()? {
                note(&mut moments, user, at);
            }
            Ok(moments)
        }
    }
    deserializer.deserialize_any(Moments(PhantomData))
}

fn note<'a>(moments: &mut BTreeMap<Cow<'a, str>, Timestamp>, user: Cow<'a, str>, at: Timestamp) {
    let known = moments.entry(user).or_insert(at);
    *known = at.min(*known);
}

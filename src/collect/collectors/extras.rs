//! The free-form field `extras` of a usage event: everything beyond user and time.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalar::Scalar;
use crate::json::{Fields, Keys, Next, Value};
use crate::model::scalar::boolean;

/// The contents of `extras`. Any JSON value deserializes, so that an unexpected one does not
/// invalidate the event.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Extras<'a> {
    /// Whether it was an object, possibly an empty one.
    pub(super) is_present: bool,
    /// Whether a tool call succeeded.
    pub(super) is_success: Option<bool>,
    /// In the order of [`Extras::KEYS`].
    pub(super) fields: [Scalar<'a>; SUCCESS],
}

/// The index of `has_tool_call_success` in [`Extras::KEYS`].
const SUCCESS: usize = 11;

impl<'a> Extras<'a> {
    /// The keys that are read.
    pub(super) const KEYS: &'static [&'static str] = &[
        "project_id",
        "ide_name",
        "unique_tracking_id",
        "session_id",
        "flow_type",
        "environment",
        "tool_name",
        "model_name",
        "model_engine",
        "language",
        "suggestion_size",
        "has_tool_call_success",
    ];

    /// Decodes the next value if it is in canonical form; `None` means to use the JSON parser.
    #[inline(always)]
    pub(super) fn decode_fast(fields: &mut Fields<'a>, keys: &mut Keys) -> Option<Extras<'a>> {
        if !fields.is_at_object() {
            fields.value()?;
            return Some(Extras::default());
        }
        let mut extras = Extras { is_present: true, ..Extras::default() };
        let mut object = fields.object(keys);
        loop {
            match object.next(keys)? {
                Next::Key(SUCCESS) => {
                    let Value::Bool(is_success) = object.value()? else { return None };
                    extras.is_success = Some(is_success);
                }
                Next::Key(place) => extras.fields[place] = Scalar::decode_fast(&mut object)?,
                Next::Other => drop(object.value()?),
                Next::End => break,
            }
        }
        fields.continue_after(&object);
        Some(extras)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Extras<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Extras<'a>, D::Error> {
        #[derive(serde::Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        struct Anything;
        impl<'de> Visitor<'de> for Anything {
            type Value = Extras<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Extras<'de>, A::Error> {
                let mut extras = Extras { is_present: true, ..Extras::default() };
                while let Some(Name(key)) = items.next_key()? {
                    match Extras::KEYS.iter().position(|name| *name == key) {
                        Some(SUCCESS) => extras.is_success = boolean(&items.next_value()?),
                        Some(place) => extras.fields[place] = items.next_value()?,
                        None => drop(items.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(extras)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Extras<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Extras::default())
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_unit<E: Error>(self) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }
        }
        deserializer.deserialize_any(Anything)
    }
}

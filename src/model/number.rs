//! The numbers of metrics and totals.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The value of a count that overflowed: sums saturate here, and commands fail before they write
/// one.
pub const TOO_LARGE: u64 = u64::MAX;

/// A count (written without a fraction) or a measure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// A count.
    Count(u64),
    /// A rate, a mean or any other measure.
    Measure(f64),
}

impl Number {
    /// Whether it is a count that overflowed ([`TOO_LARGE`]).
    pub fn is_too_large(self) -> bool {
        matches!(self, Number::Count(TOO_LARGE))
    }

    /// The number as a float, for comparisons and charts.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Count(count) => count as f64,
            Number::Measure(measure) => measure,
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number"})
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Count(count) => count.fmt(formatter),
            Number::Measure(measure) => measure.fmt(formatter),
        }
    }
}

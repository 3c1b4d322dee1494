//! Lenient conversion of JSON values: sources write ids and counts as numbers or as text.

use serde_json::{Map, Value};

/// A non-empty text, trimmed, or a number, as text; an integer has no fraction. `None` for anything
/// else.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() && is_integer(float) => format!("{float:.0}"),
            _ => number.to_string(),
        }),
        _ => None,
    }
}

/// An id as text: `4711.0` becomes `4711`.
pub fn id(value: &Value) -> Option<String> {
    Some(without_zero_fraction(&text(value)?).to_owned())
}

/// A non-negative integer, as a number or as text; `None` for anything else.
pub fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            number.as_f64().filter(|float| *float >= 0.0 && is_integer(*float)).map(|float| float as u64)
        }),
        // Table exports write integers of a float column as `12.0`.
        Value::String(text) => without_zero_fraction(text.trim()).parse().ok(),
        _ => None,
    }
}

/// Removes the fraction from digits such as `12.00`; returns any other text unchanged.
fn without_zero_fraction(text: &str) -> &str {
    let parts = text.split_once('.');
    let is_integer = |(whole, rest): &(&str, &str)| is_digits(whole) && rest.bytes().all(|byte| byte == b'0');
    parts.filter(is_integer).map_or(text, |(whole, _)| whole)
}

/// A boolean, as JSON, as 0 or 1, or as text.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(boolean) => Some(*boolean),
        Value::Number(number) => number.as_u64().filter(|number| *number <= 1).map(|number| number == 1),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Some(true),
            "false" | "f" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the text consists of one or more ASCII digits.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value of a field as [`text`].
pub fn text_in(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.get(name).and_then(text)
}

/// Removes a field and returns its value, unless that is null.
pub fn take(map: &mut Map<String, Value>, name: &str) -> Option<Value> {
    map.remove(name).filter(|value| !value.is_null())
}

/// Removes a field and returns its value if that is an object, or a text that contains one as JSON.
pub fn take_object(map: &mut Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    match map.remove(name)? {
        Value::Object(object) => Some(object),
        Value::String(text) => crate::model::line::parse_json(&text).ok(),
        _ => None,
    }
}

/// 2^53: a float cannot represent every integer above it.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

fn is_integer(float: f64) -> bool {
    float.fract() == 0.0 && float.abs() <= MAX_EXACT_INTEGER
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_ids_counts_and_booleans_from_numbers_and_text() {
        for (value, expected) in [
            (json!(4711), Some("4711")),
            (json!(4711.0), Some("4711")),
            (json!("4711.0"), Some("4711")),
            (json!(" 4711 "), Some("4711")),
            (json!("4711.5"), Some("4711.5")),
            (json!("gid://gitlab/User/42"), Some("gid://gitlab/User/42")),
            (json!("v1.0"), Some("v1.0")),
            (json!(""), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(id(&value).as_deref(), expected, "{value}");
        }
        for (value, expected) in [
            (json!(12), Some(12)),
            (json!(12.0), Some(12)),
            (json!("12"), Some(12)),
            (json!(" 12.0 "), Some(12)),
            (json!("12.5"), None),
            (json!("-12"), None),
            (json!(12.5), None),
            (json!(-12), None),
            (json!(-12.0), None),
            (json!(1e300), None),
            (json!(true), None),
        ] {
            assert_eq!(count(&value), expected, "{value}");
        }
        assert_eq!(
            [json!(true), json!("f"), json!(1), json!(2)].map(|value| boolean(&value)),
            [Some(true), Some(false), Some(true), None]
        );
    }
}

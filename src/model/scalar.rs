//! Values of free form, as sources tell ids and counts: a number, a text that holds one, or nothing.

use serde_json::{Map, Value};

/// A text or number that says something, as text; a whole number is told without a fraction. `None` for anything else.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() && is_whole(float) => format!("{float:.0}"),
            _ => number.to_string(),
        }),
        _ => None,
    }
}

/// The text of an id: a number that is told as `4711.0` is `4711`.
pub fn id(value: &Value) -> Option<String> {
    Some(whole_part(&text(value)?).to_owned())
}

/// A number of things; `None` for what is negative, broken or no number.
pub fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            number.as_f64().filter(|float| *float >= 0.0 && is_whole(*float)).map(|float| float as u64)
        }),
        // Tables write whole numbers of a column of floats as `12.0`.
        Value::String(text) => whole_part(text.trim()).parse().ok(),
        _ => None,
    }
}

/// A number without a fraction of zeros; anything else as it is.
fn whole_part(text: &str) -> &str {
    let parts = text.split_once('.');
    let is_whole = |(whole, rest): &(&str, &str)| is_digits(whole) && rest.bytes().all(|byte| byte == b'0');
    parts.filter(is_whole).map_or(text, |(whole, _)| whole)
}

/// Yes or no, as JSON, as a number or in words.
pub fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => number.as_u64().filter(|number| *number <= 1).map(|number| number == 1),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Some(true),
            "false" | "f" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Whether it is a whole number in figures.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text in a field.
pub fn text_in(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.get(name).and_then(text)
}

/// Takes a field out, unless it is null.
pub fn take(map: &mut Map<String, Value>, name: &str) -> Option<Value> {
    map.remove(name).filter(|value| !value.is_null())
}

/// Takes an object out of a field; also one that is told as text.
pub fn take_object(map: &mut Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    match map.remove(name)? {
        Value::Object(object) => Some(object),
        Value::String(text) => crate::model::line::parse_json(&text).ok(),
        _ => None,
    }
}

/// Beyond it, a float does not tell whole numbers apart.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

fn is_whole(float: f64) -> bool {
    float.fract() == 0.0 && float.abs() <= MOST_EXACT
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_and_counts_are_numbers_or_texts() {
        for (value, said) in [
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
            assert_eq!(id(&value).as_deref(), said, "{value}");
        }
        for (value, counted) in [
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
            assert_eq!(count(&value), counted, "{value}");
        }
        assert_eq!(
            [json!(true), json!("f"), json!(1), json!(2)].map(|value| truth(&value)),
            [Some(true), Some(false), Some(true), None]
        );
    }
}

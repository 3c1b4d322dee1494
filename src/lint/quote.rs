//! Quoting of input values in messages: shortened, and without control characters.

use serde_json::Value;

use crate::base::text::is_printable;

/// Characters of a value that a message contains at most.
const MAX_CHARS: usize = 40;

/// A value for a message. Strings are truncated; arrays and objects are only named.
pub(super) fn quote(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("\"{}\"", sanitize(text)),
        other => sanitize(&other.to_string()),
    }
}

/// A string for a message, without quotation marks: truncated, with control characters replaced.
pub(super) fn sanitize(text: &str) -> String {
    let mut short: String =
        text.chars().take(MAX_CHARS).map(|c| if is_printable(c) { c } else { '\u{fffd}' }).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// The JSON type of a value, for messages.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Joins names: `a`, `a and b`, `a, b and c`.
pub(super) fn join_names(names: &[impl AsRef<str>]) -> String {
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        match at {
            0 => {}
            _ if at + 1 == names.len() => text.push_str(" and "),
            _ => text.push_str(", "),
        }
        text.push_str(name.as_ref());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_are_short_and_have_no_control_characters() {
        assert_eq!(quote(&"a\u{1b}[31m\nb".into()), "\"a\u{fffd}[31m\u{fffd}b\"");
        assert_eq!(quote(&"x".repeat(200).into()).chars().count(), MAX_CHARS + 3);
        assert_eq!(quote(&serde_json::json!({"prompt": "secret"})), "an object");
        assert_eq!(quote(&serde_json::json!(-10)), "-10");
    }

    #[test]
    fn joins_names_with_commas_and_and() {
        assert_eq!(join_names(&["a"]), "a");
        assert_eq!(join_names(&["a", "b"]), "a and b");
        assert_eq!(join_names(&["a", "b", "c"]), "a, b and c");
    }
}

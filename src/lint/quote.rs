//! Values of others in our own words: short, and fit for a terminal.

use serde_json::Value;

use crate::base::text::is_printable;

/// The longest value that is shown, in characters.
const LONGEST: usize = 40;

/// A value as it may be shown: never more than its beginning, without anything that moves the cursor.
pub(super) fn quoted(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("\"{}\"", shown(text)),
        other => shown(&other.to_string()),
    }
}

/// A text or name as it may be shown, without quotation marks.
pub(super) fn shown(text: &str) -> String {
    let mut short: String =
        text.chars().take(LONGEST).map(|c| if is_printable(c) { c } else { '\u{fffd}' }).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// What kind of value this is.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Names put together: `a`, `a and b`, `a, b and c`.
pub(super) fn listed(names: &[impl AsRef<str>]) -> String {
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
    fn values_of_others_are_short_and_stay_in_their_line() {
        assert_eq!(quoted(&"a\u{1b}[31m\nb".into()), "\"a\u{fffd}[31m\u{fffd}b\"");
        assert_eq!(quoted(&"x".repeat(200).into()).chars().count(), LONGEST + 3);
        assert_eq!(quoted(&serde_json::json!({"prompt": "secret"})), "an object");
        assert_eq!(quoted(&serde_json::json!(-10)), "-10");
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b"]), "a and b");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }
}

//! Text of messages: counts with their unit, and input text as a single line.

use std::borrow::Cow;

/// Whether a terminal can display a character safely: it is neither a control character nor one
/// that changes the text direction.
pub fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with control characters as escape sequences: `\n`, `\u{1b}`. Different texts mostly
/// stay different.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::from(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_printable(character) {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_default());
        }
    }
    Cow::from(escaped)
}

/// Percent-encodes a text as part of a URL, except for letters, digits, `-_.~` and the given
/// characters.
pub fn percent_encode(text: &str, kept: &str) -> String {
    let is_kept =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || kept.as_bytes().contains(&byte);
    text.bytes()
        .map(|byte| if is_kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The maximum length of a message, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Makes text that contains input safe for one line of a terminal: without control characters, and
/// truncated.
pub fn to_single_line(text: &str) -> String {
    let mut clean: String =
        text.chars().map(|c| if is_printable(c) { c } else { '\u{fffd}' }).take(MAX_MESSAGE_CHARS).collect();
    if text.chars().nth(MAX_MESSAGE_CHARS).is_some() {
        clean.push('…');
    }
    clean
}

/// `1 day`, `2 days`, `1,234 rows`.
pub fn format_count(count: u64, unit: &str) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let plural = if count == 1 { "" } else { "s" };
    format!("{grouped} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_text_stays_on_one_line() {
        assert_eq!(to_single_line("a\u{1b}[31m\nb\u{202e}c é"), "a\u{fffd}[31m\u{fffd}b\u{fffd}c é");
        assert_eq!(to_single_line(&"x".repeat(2_000)).chars().count(), 1_001);
    }

    #[test]
    fn encodes_characters_that_have_a_meaning_in_urls() {
        assert_eq!(percent_encode("duo-metrics:process", ""), "duo-metrics%3Aprocess");
        assert_eq!(percent_encode("a/b?c#d e", ""), "a%2Fb%3Fc%23d%20e");
        assert_eq!(percent_encode(".duo-metrics/history.jsonl.gz", "/"), ".duo-metrics/history.jsonl.gz");
        assert_eq!(
            percent_encode("javascript:alert(1)//../x y", ""),
            "javascript%3Aalert%281%29%2F%2F..%2Fx%20y"
        );
        assert_eq!(percent_encode("/a b/ü#1.html", "/"), "/a%20b/%C3%BC%231.html");
    }

    #[test]
    fn control_characters_become_escape_sequences() {
        assert!(matches!(escape_controls("C# é"), Cow::Borrowed("C# é")));
        assert_eq!(escape_controls("a\u{1b}[31m\nb\u{202e}"), "a\\u{1b}[31m\\nb\\u{202e}");
    }

    #[test]
    fn counts_have_digit_groups_and_a_plural() {
        let texts: Vec<String> = [0, 1, 999, 1000, 1234567].map(|count| format_count(count, "row")).into();
        assert_eq!(texts, ["0 rows", "1 row", "999 rows", "1,000 rows", "1,234,567 rows"]);
    }
}

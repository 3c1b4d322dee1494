//! Counts in words, and text of others in one line.

/// Whether a character may be shown in a terminal: it neither moves the cursor nor turns the direction of writing.
pub fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The longest line that is said, in characters.
const LONGEST_SAYING: usize = 1_000;

/// Text that holds words of others, fit for one line of a terminal.
pub fn in_one_line(text: &str) -> String {
    let mut clean: String =
        text.chars().map(|c| if is_printable(c) { c } else { '\u{fffd}' }).take(LONGEST_SAYING).collect();
    if text.chars().nth(LONGEST_SAYING).is_some() {
        clean.push('…');
    }
    clean
}

/// `1 day`, `2 days`, `1,234 rows`.
pub fn counted(count: u64, thing: &str) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match count {
        1 => format!("{grouped} {thing}"),
        _ => format!("{grouped} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_stay_in_their_line() {
        assert_eq!(in_one_line("a\u{1b}[31m\nb\u{202e}c é"), "a\u{fffd}[31m\u{fffd}b\u{fffd}c é");
        assert_eq!(in_one_line(&"x".repeat(2_000)).chars().count(), 1_001);
    }

    #[test]
    fn counts_are_grouped_and_plural() {
        let said: Vec<String> = [0, 1, 999, 1000, 1234567].map(|count| counted(count, "row")).into();
        assert_eq!(said, ["0 rows", "1 row", "999 rows", "1,000 rows", "1,234,567 rows"]);
    }
}

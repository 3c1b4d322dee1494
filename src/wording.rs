//! Counts in words.

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
    fn counts_are_grouped_and_plural() {
        let said: Vec<String> = [0, 1, 999, 1000, 1234567].map(|count| counted(count, "row")).into();
        assert_eq!(said, ["0 rows", "1 row", "999 rows", "1,000 rows", "1,234,567 rows"]);
    }
}

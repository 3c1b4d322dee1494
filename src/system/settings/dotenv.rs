//! The lines of a `.env` file: `NAME=value`, with quotation marks and escapes as a shell reads them.
//!
//! Nothing is substituted. A `$` outside single quotes, which other programs replace by the value of a variable, makes
//! the value unusable: it could carry a secret of the environment into an address, and values that refer to each other
//! grow without bound.

/// One assignment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Line on which it begins, counted from 1.
    pub(super) line: usize,
    /// The value, or why it cannot be used.
    pub(super) value: Result<String, &'static str>,
}

/// A line that is no assignment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) why: &'static str,
}

/// Reads all assignments, in order. Comments and empty lines are skipped.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, BadLine> {
    let mut entries = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let bad = |why| BadLine { line: at + 1, why };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let exported = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
        let (name, value) = exported
            .unwrap_or(line)
            .split_once('=')
            .map(|(name, value)| (name.trim(), value.trim_start()))
            .filter(|(name, _)| is_name(name))
            .ok_or_else(|| bad("is not NAME=value"))?;
        let value = read_value(value, &mut lines.by_ref().map(|(_, line)| line))
            .ok_or_else(|| bad("has a quotation mark without its counterpart"))?;
        entries.push(Entry { name: name.to_owned(), line: at + 1, value });
    }
    Ok(entries)
}

fn is_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !text.is_empty() && !text.as_bytes()[0].is_ascii_digit() && text.bytes().all(is_of_name)
}

/// The value that starts here and, inside quotation marks, continues on the next lines. `None` if they never close.
fn read_value<'a>(
    first: &'a str,
    more: &mut impl Iterator<Item = &'a str>,
) -> Option<Result<String, &'static str>> {
    const SUBSTITUTION: &str = "holds a $, which stands for nothing here; put the value in single quotes";
    let (mut value, mut fault) = (String::new(), None);
    let mut quote: Option<char> = None;
    let mut line = first;
    loop {
        let mut signs = line.char_indices();
        while let Some((at, sign)) = signs.next() {
            match (quote, sign) {
                (Some(open), sign) if sign == open => quote = None,
                (Some('\''), sign) => value.push(sign),
                (None, '\'' | '"') => quote = Some(sign),
                (None, ' ' | '\t') => {
                    let rest = line[at..].trim();
                    if !rest.is_empty() && !rest.starts_with('#') {
                        fault = fault.or(Some("holds blanks; put the value in single quotes"));
                    }
                    break;
                }
                (_, '\\') => match signs.next() {
                    Some((_, sign @ ('\\' | '\'' | '"' | '$' | ' '))) => value.push(sign),
                    Some((_, 'n')) => value.push('\n'),
                    _ => fault = fault.or(Some("holds a lone \\; put the value in single quotes")),
                },
                (_, '$') => fault = fault.or(Some(SUBSTITUTION)),
                // What stands for bytes that are not UTF-8.
                (_, '\u{fffd}') => fault = fault.or(Some("is not UTF-8; save the file as UTF-8")),
                (_, sign) => value.push(sign),
            }
        }
        if quote.is_none() {
            return Some(fault.map_or(Ok(value), Err));
        }
        value.push('\n');
        line = more.next()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Result<String, &'static str> {
        let mut entries = parse(line).expect("an assignment");
        assert_eq!(entries.len(), 1, "{line}");
        entries.remove(0).value
    }

    #[test]
    fn values_are_read_as_a_shell_reads_them_but_nothing_is_substituted() {
        for (line, expected) in [
            ("A=b", "b"),
            ("  export A = b  ", "b"),
            ("A=", ""),
            ("A=#b", "#b"),
            ("A=b#c # a comment", "b#c"),
            ("A='b $c \"d\" \\n' # a comment", "b $c \"d\" \\n"),
            ("A=\"b 'c' \\\"d\\\" \\$e\\nf\"", "b 'c' \"d\" $e\nf"),
            ("A=b' c'\"d\"\\ e", "b cd e"),
            ("A=https://x/?a=b", "https://x/?a=b"),
            ("A='b\n c\n'", "b\n c\n"),
            ("A=é", "é"),
        ] {
            assert_eq!(value(line).as_deref(), Ok(expected), "{line}");
        }
        for (line, word) in [
            ("A=$B", "$"),
            ("A=b${B}", "$"),
            ("A=\"$B\"", "$"),
            ("A=b c", "blanks"),
            ("A=C:\\d", "\\"),
            ("A=b\u{fffd}", "UTF-8"),
        ] {
            assert!(value(line).expect_err(line).contains(word), "{line}");
        }
    }

    #[test]
    fn lines_are_counted_from_one_and_bad_ones_are_named() {
        let entries = parse("\n# a comment\nA=1\r\nB='x\ny'\nC=3\n").expect("assignments");
        let lines: Vec<_> = entries.iter().map(|entry| (&*entry.name, entry.line)).collect();
        assert_eq!(lines, [("A", 3), ("B", 4), ("C", 6)]);
        for (text, line) in [("A=1\nno setting\n", 2), ("\n=1", 2), ("1A=1", 1), ("A=1\nB=\"x\nC=2\n", 2)] {
            assert_eq!(parse(text).expect_err(text).line, line, "{text}");
        }
    }
}

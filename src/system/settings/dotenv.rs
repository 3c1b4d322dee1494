//! Parses a `.env` file: `NAME=value`, with the quotation marks and escapes of a shell.
//!
//! Nothing is substituted. A `$` outside single quotes, which other programs replace with the value
//! of a variable, is an error: substitution could put a secret of the environment into a URL, and
//! values that refer to each other could grow without bound.

/// An assignment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    /// The value, or why it is invalid. The text follows the name of the variable.
    pub(super) value: Result<String, &'static str>,
}

/// A line that is not an assignment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    /// From 1.
    pub(super) line: usize,
    pub(super) why: &'static str,
}

/// Parses all assignments, in order. Comments and empty lines are skipped.
pub(super) fn parse(text: &str) -> Result<Vec<Assignment>, BadLine> {
    let mut assignments = Vec::new();
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
            .ok_or_else(|| bad("has an unclosed quotation mark"))?;
        assignments.push(Assignment { name: name.to_owned(), line: at + 1, value });
    }
    Ok(assignments)
}

fn is_name(text: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !text.is_empty() && !text.as_bytes()[0].is_ascii_digit() && text.bytes().all(is_valid)
}

/// Parses a value, which continues on the next lines inside quotation marks. `None` if they are not
/// closed.
fn read_value<'a>(
    first: &'a str,
    more: &mut impl Iterator<Item = &'a str>,
) -> Option<Result<String, &'static str>> {
    const SUBSTITUTION: &str =
        "contains a $, and variables are not substituted; put the value in single quotes";
    let (mut value, mut error) = (String::new(), None);
    let mut quote: Option<char> = None;
    let mut line = first;
    loop {
        let mut chars = line.char_indices();
        while let Some((at, c)) = chars.next() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some('\''), c) => value.push(c),
                (None, '\'' | '"') => quote = Some(c),
                (None, ' ' | '\t') => {
                    let rest = line[at..].trim();
                    if !rest.is_empty() && !rest.starts_with('#') {
                        error = error.or(Some("contains blanks; put the value in single quotes"));
                    }
                    break;
                }
                (_, '\\') => match chars.next() {
                    Some((_, c @ ('\\' | '\'' | '"' | '$' | ' '))) => value.push(c),
                    Some((_, 'n')) => value.push('\n'),
                    _ => error = error.or(Some("contains a lone \\; put the value in single quotes")),
                },
                (_, '$') => error = error.or(Some(SUBSTITUTION)),
                // The replacement character replaces invalid UTF-8.
                (_, '\u{fffd}') => error = error.or(Some("is not UTF-8; save the file as UTF-8")),
                (_, c) => value.push(c),
            }
        }
        if quote.is_none() {
            return Some(error.map_or(Ok(value), Err));
        }
        value.push('\n');
        line = more.next()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Result<String, &'static str> {
        let mut assignments = parse(line).expect("an assignment");
        assert_eq!(assignments.len(), 1, "{line}");
        assignments.remove(0).value
    }

    #[test]
    fn parses_values_like_a_shell_without_substitution() {
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
    fn errors_contain_the_line_number() {
        let assignments = parse("\n# a comment\nA=1\r\nB='x\ny'\nC=3\n").expect("assignments");
        let lines: Vec<_> = assignments.iter().map(|entry| (&*entry.name, entry.line)).collect();
        assert_eq!(lines, [("A", 3), ("B", 4), ("C", 6)]);
        for (text, line) in [("A=1\nno setting\n", 2), ("\n=1", 2), ("1A=1", 1), ("A=1\nB=\"x\nC=2\n", 2)] {
            assert_eq!(parse(text).expect_err(text).line, line, "{text}");
        }
    }
}

//! CSV that a spreadsheet opens without running formulas, and without converting labels to dates or
//! numbers.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use crate::base::text::escape_controls;

/// Writes rows of cells, quoted as in RFC 4180. An apostrophe makes text of every cell that a
/// spreadsheet would run as a formula, and of every label that it would convert to a date, a time
/// or a number. Control characters, which a terminal would obey, become escape sequences.
pub struct CsvWriter<W: Write> {
    output: csv::Writer<W>,
    /// Reused for the text of each value.
    buffer: String,
}

impl<W: Write> CsvWriter<W> {
    /// A writer of cells to `output`.
    pub fn new(output: W) -> CsvWriter<W> {
        CsvWriter { output: csv::Writer::from_writer(output), buffer: String::new() }
    }

    /// Writes a row of labels. All rows must have the same number of cells.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> io::Result<()> {
        for cell in cells {
            self.label(cell.as_ref())?;
        }
        self.end_row()
    }

    /// Writes a label as the next cell of the row, which [`CsvWriter::end_row`] ends.
    pub fn label(&mut self, text: &str) -> io::Result<()> {
        self.output.write_field(escape_controls(&escape_label(text)).as_ref()).map_err(into_io)
    }

    /// Writes a number, a day or a timestamp as the next cell, which a spreadsheet can convert;
    /// `None` is an empty cell.
    pub fn value(&mut self, value: Option<impl fmt::Display>) -> io::Result<()> {
        let mut text = std::mem::take(&mut self.buffer);
        text.clear();
        if let Some(value) = value {
            write!(text, "{value}").map_err(io::Error::other)?;
        }
        let result =
            self.output.write_field(escape_controls(&escape_formula(&text)).as_ref()).map_err(into_io);
        self.buffer = text;
        result
    }

    /// Ends the current row.
    pub fn end_row(&mut self) -> io::Result<()> {
        self.output.write_record(None::<&[u8]>).map_err(into_io)
    }

    /// Flushes the underlying writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Flushes, and returns the underlying writer.
    pub fn into_inner(self) -> io::Result<W> {
        self.output.into_inner().map_err(|error| error.into_error())
    }
}

/// Keeps the kind of an I/O error, so that the caller can detect a closed pipe.
fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Characters that start a formula, or that spreadsheets skip in front of one.
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The text, with an apostrophe if a spreadsheet would run it; negative numbers stay numbers.
fn escape_formula(text: &str) -> Cow<'_, str> {
    let is_negative_number = text.strip_prefix('-').is_some_and(|digits| {
        digits.starts_with(|first: char| first.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
            && digits.matches('.').count() <= 1
    });
    if text.trim_start_matches(' ').starts_with(FORMULA_STARTS) && !is_negative_number {
        Cow::from(format!("'{text}"))
    } else {
        Cow::from(text)
    }
}

/// The label, with an apostrophe if a spreadsheet would run or convert it.
fn escape_label(text: &str) -> Cow<'_, str> {
    if is_converted(text.trim()) { Cow::from(format!("'{text}")) } else { escape_formula(text) }
}

/// Spreadsheets keep this many digits of a number (Excel specifications and limits, "Number
/// precision").
const MAX_DIGITS: usize = 15;

/// Whether a spreadsheet converts a label: `5-19` to a day in May, `3:17` to a time, `1.10` to 1.1
/// (or to a day, in locales with dots in dates), `1e5` to 100000, `007` to 7, `MAR1` to a day in
/// March. Other integers stay as they are.
fn is_converted(label: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    if !label.contains(is_digit) {
        return false;
    }
    if label.chars().all(is_digit) {
        return label.len() > MAX_DIGITS || (label.len() > 1 && label.starts_with('0'));
    }
    is_date_or_number(label) || is_month_with_number(label)
}

/// Whether a label starts with a digit, a currency sign or a bracket, and consists of the
/// characters of numbers, dates and times.
fn is_date_or_number(label: &str) -> bool {
    let number = label.trim_start_matches(['$', '€', '£', '¥', '(', '.', ' ']);
    // Times of a 12-hour clock.
    let lower = number.to_ascii_lowercase();
    let halves = [" am", " pm", " a", " p", "am", "pm"];
    let number = halves.iter().find_map(|half| lower.strip_suffix(half)).unwrap_or(&lower);
    let is_part = |c: char| {
        c.is_ascii_digit() || matches!(c, '-' | '/' | '.' | ':' | ',' | ' ' | '\'' | '%' | ')' | '€' | '$')
    };
    // A label that ends with a separator is a path.
    let is_path = number.ends_with(['/', '-', ':', ',']);
    if number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(is_part) && !is_path {
        return true;
    }
    // A power of ten, `1e5` or `1.5e+3`, but not a timestamp, `2026-10-01t09:00`.
    number.split_once('e').is_some_and(|(mantissa, exponent)| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let is_number =
            |text: &str| text.contains(|c: char| c.is_ascii_digit()) && text.matches('.').count() <= 1;
        mantissa.chars().all(|c| c.is_ascii_digit() || c == '.')
            && is_number(mantissa)
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The months in English, and in German where they differ; spreadsheets accept prefixes of them.
const MONTHS: [&str; 19] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "märz",
    "mrz",
    "mai",
    "juni",
    "juli",
    "oktober",
    "dezember",
];

/// The shortest prefix of a month that spreadsheets accept.
const MIN_MONTH_LETTERS: usize = 3;

/// Whether a label is the name of a month with a day, a year or both. The genes `MARCH1` and
/// `SEPT2` were renamed because spreadsheets converted them (HUGO Gene Nomenclature Committee,
/// 2020).
fn is_month_with_number(label: &str) -> bool {
    let lower = label.to_lowercase();
    let is_separator = |c: char| matches!(c, ' ' | '-' | '/' | '.' | ',');
    let has_short_numbers_only = |text: &str| {
        text.split(is_separator)
            .filter(|part| !part.is_empty())
            .all(|part| part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let Some(start) = lower.find(char::is_alphabetic) else { return false };
    let word = &lower[start..];
    let end = word.find(|c: char| !c.is_alphabetic()).unwrap_or(word.len());
    let (word, rest) = word.split_at(end);
    word.chars().count() >= MIN_MONTH_LETTERS
        && MONTHS.iter().any(|month| month.starts_with(word))
        && has_short_numbers_only(&lower[..start])
        && has_short_numbers_only(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_labels_that_spreadsheets_convert() {
        for label in [
            "1-4",
            "5-19",
            "20-49",
            "1-2",
            "1/2",
            "5/19",
            "1-2-2026",
            "2026-10-01",
            "3:17",
            "12:30:05",
            "3:17 PM",
            "3 p",
            "1.10",
            "1.0",
            "1.2.3",
            "1e5",
            "1E5",
            "1.5e+3",
            "12e4567",
            "007",
            "0123",
            "1,234",
            "10 000",
            "1 1/2",
            "50%",
            "$5",
            "5 €",
            "(5)",
            "1'000",
            "MAR1",
            "SEPT2",
            "DEC-1",
            "1-Mar",
            "Oct 2026",
            "May 5, 2026",
            "1. Mai",
            " 1-4 ",
            "1234567890123456",
            "20870611871640513",
        ] {
            assert_eq!(escape_label(label), format!("'{label}"), "{label}");
        }
        for label in [
            "",
            "rust",
            "c++",
            "4711",
            "278964",
            "0",
            "50+",
            "fix_pipeline/v1",
            "gpt-4o-2024-08-06",
            "claude-3-5-sonnet",
            "gid://gitlab/User/42",
            "9970/10001/",
            "v1.0",
            "acme/web",
            "marathon 5",
            "decoder1x",
            "1e",
            "e5",
            "2026-10-01T12:34:56Z",
            "3d",
            "5m",
            "sha256:17",
            "123456789012345",
        ] {
            assert_eq!(escape_label(label), label, "{label}");
        }
        // Values stay numbers and days, but a formula is escaped in every cell.
        let mut writer = CsvWriter::new(Vec::new());
        writer.value(Some(0.25)).expect("memory");
        writer.value(Some(-1)).expect("memory");
        writer.value(Some("2026-10-01")).expect("memory");
        writer.value(Some("=1+1")).expect("memory");
        writer.label("=1+1").expect("memory");
        writer.end_row().expect("memory");
        assert_eq!(writer.into_inner().expect("memory"), b"0.25,-1,2026-10-01,'=1+1,'=1+1\n");
    }

    #[test]
    fn escapes_formulas_but_not_negative_numbers() {
        for text in
            ["=1+1", "+1", "-cmd", "@SUM(A1)", "\tx", "\rx", "-", "-1-1", "-.", "-1.2.3", " =1", "＝1"]
        {
            assert_eq!(escape_formula(text), format!("'{text}"));
        }
        for text in ["-1", "-1.5", "rust", "c++", "a=b", ""] {
            assert_eq!(escape_formula(text), text);
        }
    }
}

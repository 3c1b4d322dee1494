//! CSV that a spreadsheet opens without running any of it, and without turning labels into dates or numbers.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

/// Rows of cells, quoted as RFC 4180 says. What a spreadsheet would take for a formula becomes text, in every cell, and so
/// does a label that it would take for a date, a time or a number.
pub struct Sheet<W: Write> {
    output: csv::Writer<W>,
    /// The text of one cell, kept for its memory.
    text: String,
}

impl<W: Write> Sheet<W> {
    /// An empty sheet, written to this.
    pub fn new(output: W) -> Sheet<W> {
        Sheet { output: csv::Writer::from_writer(output), text: String::new() }
    }

    /// Writes a row. All rows have as many cells as the first one.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> io::Result<()> {
        for cell in cells {
            self.cell(cell.as_ref())?;
        }
        self.end_row()
    }

    /// Writes a label as the next cell of a row, which [`Sheet::end_row`] ends.
    pub fn cell(&mut self, text: &str) -> io::Result<()> {
        self.output.write_field(safe_label(text).as_ref()).map_err(written)
    }

    /// Writes a number, a day or a moment as the next cell, which a spreadsheet may take for what it is; nothing is an
    /// empty cell.
    pub fn value(&mut self, value: Option<impl fmt::Display>) -> io::Result<()> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        if let Some(value) = value {
            write!(text, "{value}").map_err(io::Error::other)?;
        }
        let done = self.output.write_field(safe(&text).as_ref()).map_err(written);
        self.text = text;
        done
    }

    /// Ends a row.
    pub fn end_row(&mut self) -> io::Result<()> {
        self.output.write_record(None::<&[u8]>).map_err(written)
    }

    /// Hands everything on.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// What was written to.
    pub fn into_inner(self) -> io::Result<W> {
        self.output.into_inner().map_err(|error| error.into_error())
    }
}

/// What went wrong below: a reader that went away is told apart by its kind.
fn written(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// What programs take for the start of a formula, or pass over before they look for one.
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The text as a cell that no spreadsheet takes for a formula; numbers stay numbers.
fn safe(text: &str) -> Cow<'_, str> {
    let is_negative_number = text.strip_prefix('-').is_some_and(|digits| {
        digits.starts_with(|first: char| first.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
            && digits.matches('.').count() <= 1
    });
    match text.trim_start_matches(' ').starts_with(FORMULA_STARTS) && !is_negative_number {
        true => Cow::from(format!("'{text}")),
        false => Cow::from(text),
    }
}

/// The label as a cell that no spreadsheet takes for a formula, a date, a time or another number.
fn safe_label(text: &str) -> Cow<'_, str> {
    match is_converted(text.trim()) {
        true => Cow::from(format!("'{text}")),
        false => safe(text),
    }
}

/// The most digits of a number that spreadsheets keep (Excel specifications and limits, "Number precision").
const MAX_DIGITS: usize = 15;

/// Whether a spreadsheet shows a label as something else: `5-19` as a day in May, `3:17` as a time, `1.10` as 1.1 (or as
/// a day, where dates have dots), `1e5` as 100000, `007` as 7, `MAR1` as a day in March. Whole numbers stay what they are.
fn is_converted(label: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    if !label.contains(is_digit) {
        return false;
    }
    if label.chars().all(is_digit) {
        return label.len() > MAX_DIGITS || (label.len() > 1 && label.starts_with('0'));
    }
    is_date_or_number(label) || is_with_month(label)
}

/// Whether a label starts with a digit, a currency or a bracket and goes on with what numbers, dates and times are made
/// of.
fn is_date_or_number(label: &str) -> bool {
    let number = label.trim_start_matches(['$', '€', '£', '¥', '(', '.', ' ']);
    // The time of day of a clock with twelve hours.
    let lower = number.to_ascii_lowercase();
    let halves = [" am", " pm", " a", " p", "am", "pm"];
    let number = halves.iter().find_map(|half| lower.strip_suffix(half)).unwrap_or(&lower);
    let is_part = |c: char| {
        c.is_ascii_digit() || matches!(c, '-' | '/' | '.' | ':' | ',' | ' ' | '\'' | '%' | ')' | '€' | '$')
    };
    // What ends in a separator is a path.
    let is_open = number.ends_with(['/', '-', ':', ',']);
    if number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(is_part) && !is_open {
        return true;
    }
    // A power of ten, `1e5` or `1.5e+3`; a moment, `2026-10-01t09:00`, is none.
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

/// The months in English, and in German where it differs; spreadsheets know them by their first letters too.
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

/// The fewest letters of a month.
const MIN_LETTERS: usize = 3;

/// Whether a label is the name of a month with a day or a year beside it, or with both: genes named `MARCH1` and `SEPT2`
/// were renamed because of this (HUGO Gene Nomenclature Committee, 2020).
fn is_with_month(label: &str) -> bool {
    let lower = label.to_lowercase();
    let is_between = |c: char| matches!(c, ' ' | '-' | '/' | '.' | ',');
    let numbers = |text: &str| {
        text.split(is_between)
            .filter(|part| !part.is_empty())
            .all(|part| part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let Some(start) = lower.find(char::is_alphabetic) else { return false };
    let word = &lower[start..];
    let end = word.find(|c: char| !c.is_alphabetic()).unwrap_or(word.len());
    let (word, rest) = word.split_at(end);
    word.chars().count() >= MIN_LETTERS
        && MONTHS.iter().any(|month| month.starts_with(word))
        && numbers(&lower[..start])
        && numbers(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_spreadsheets_convert_become_text() {
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
            assert_eq!(safe_label(label), format!("'{label}"), "{label}");
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
            assert_eq!(safe_label(label), label, "{label}");
        }
        // Numbers and days that are meant stay what they are; a formula is none, wherever it stands.
        let mut sheet = Sheet::new(Vec::new());
        sheet.value(Some(0.25)).expect("memory");
        sheet.value(Some(-1)).expect("memory");
        sheet.value(Some("2026-10-01")).expect("memory");
        sheet.value(Some("=1+1")).expect("memory");
        sheet.cell("=1+1").expect("memory");
        sheet.end_row().expect("memory");
        assert_eq!(sheet.into_inner().expect("memory"), b"0.25,-1,2026-10-01,'=1+1,'=1+1\n");
    }

    #[test]
    fn no_cell_is_a_formula_and_negative_numbers_stay() {
        for text in
            ["=1+1", "+1", "-cmd", "@SUM(A1)", "\tx", "\rx", "-", "-1-1", "-.", "-1.2.3", " =1", "＝1"]
        {
            assert_eq!(safe(text), format!("'{text}"));
        }
        for text in ["-1", "-1.5", "rust", "c++", "a=b", ""] {
            assert_eq!(safe(text), text);
        }
    }
}

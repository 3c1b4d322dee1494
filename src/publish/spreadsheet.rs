//! CSV that a spreadsheet opens without running any of it.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

/// Rows of cells, quoted as RFC 4180 says. What a spreadsheet would take for a formula becomes text, in every cell.
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

    /// Writes the next cell of a row, which [`Sheet::end_row`] ends.
    pub fn cell(&mut self, text: &str) -> io::Result<()> {
        self.output.write_field(safe(text).as_ref()).map_err(written)
    }

    /// Writes a value as the next cell; nothing is an empty one.
    pub fn value(&mut self, value: Option<impl fmt::Display>) -> io::Result<()> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        if let Some(value) = value {
            write!(text, "{value}").map_err(io::Error::other)?;
        }
        let done = self.cell(&text);
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

#[cfg(test)]
mod tests {
    use super::*;

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

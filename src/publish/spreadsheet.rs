//! CSV that a spreadsheet opens without running any of it.

use std::borrow::Cow;
use std::io::{self, Write};

/// Rows of cells, quoted as RFC 4180 says. What a spreadsheet would take for a formula becomes text, in every cell.
pub struct Sheet<W: Write>(csv::Writer<W>);

impl<W: Write> Sheet<W> {
    /// An empty sheet, written to this.
    pub fn new(output: W) -> Sheet<W> {
        Sheet(csv::Writer::from_writer(output))
    }

    /// Writes a row. All rows have as many cells as the first one.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> io::Result<()> {
        for cell in cells {
            self.0.write_field(safe(cell.as_ref()).as_ref()).map_err(written)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(written)
    }

    /// Hands everything on.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    /// What was written to.
    pub fn into_inner(self) -> io::Result<W> {
        self.0.into_inner().map_err(|error| error.into_error())
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

//! Tables: columns with headings, and cells with values and bars.

use minijinja::{Value, context};

use super::number;
use super::privacy::Line;

/// A table of a template.
pub(super) struct Table {
    /// Unique on its page.
    pub(super) id: String,
    /// The caption.
    pub(super) caption: String,
    /// The headings.
    pub(super) columns: Vec<Column>,
    /// The rows; the first cell of each is its heading.
    pub(super) rows: Vec<Row>,
    /// A sentence on omitted rows.
    pub(super) more: String,
}

/// A heading.
pub(super) struct Column {
    label: &'static str,
    numeric: bool,
}

/// A row.
pub(super) struct Row {
    /// The cells.
    pub(super) cells: Vec<Cell>,
}

/// A cell.
#[derive(Default)]
pub(super) struct Cell {
    text: String,
    note: String,
    bar: Option<f64>,
    class: &'static str,
}

impl Table {
    /// An empty table.
    pub(super) fn new(id: &str, caption: &str, columns: &[Column]) -> Table {
        let columns = columns.iter().map(|column| Column { ..*column }).collect();
        Table { id: id.into(), caption: caption.into(), columns, rows: Vec::new(), more: String::new() }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { cells });
    }

    /// The table for a template.
    pub(super) fn value(&self) -> Value {
        // The heading is above the numbers, not above the bars next to them.
        let has_bar =
            |at: usize| self.rows.iter().any(|row| row.cells.get(at).is_some_and(|cell| cell.bar.is_some()));
        let columns: Vec<Value> = (self.columns.iter().enumerate())
            .map(|(at, column)| {
                let class = if !column.numeric {
                    ""
                } else if has_bar(at) {
                    "num over-bar"
                } else {
                    "num"
                };
                context! { label => column.label, class => class }
            })
            .collect();
        let cell = |cell: &Cell| {
            let bar =
                cell.bar.map(|share| format!("{:.1}", share.clamp(0.0, 1.0) * 100.0)).unwrap_or_default();
            context! { text => &*cell.text, note => &*cell.note, bar => bar, class => cell.class }
        };
        let rows: Vec<Value> = self.rows.iter().map(|row| row.cells.iter().map(cell).collect()).collect();
        context! {
            id => &*self.id,
            caption => &*self.caption,
            slim => self.columns.len() <= 3,
            columns => columns,
            rows => rows,
            more => &*self.more,
        }
    }
}

impl Column {
    /// A heading of text cells.
    pub(super) const fn text(label: &'static str) -> Column {
        Column { label, numeric: false }
    }

    /// A heading of numbers.
    pub(super) const fn number(label: &'static str) -> Column {
        Column { label, numeric: true }
    }
}

impl Cell {
    /// Text.
    pub(super) fn text(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), ..Cell::default() }
    }

    /// Days: a line can break between them, not inside one.
    pub(super) fn dates(text: impl Into<String>) -> Cell {
        let text = text
            .into()
            .replace(" – ", "\n")
            .replace(' ', "\u{a0}")
            .replace('–', "–\u{2060}")
            .replace('\n', " – ");
        Cell { text, class: "dates", ..Cell::default() }
    }

    /// A day, in which no line breaks.
    pub(super) fn day(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), class: "date", ..Cell::default() }
    }

    /// An identifier as in the streams.
    pub(super) fn code(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), class: "code", ..Cell::default() }
    }

    /// A number that is not the value of a line.
    pub(super) fn number(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), class: "num", ..Cell::default() }
    }

    /// The cell with a bar of this share.
    pub(super) fn with_share(mut self, share: f64) -> Cell {
        self.bar = Some(share);
        self
    }
}

/// `25 of 100`; empty for a line that is not a rate.
pub(super) fn ratio_text(line: &Line<'_>) -> String {
    match (line.n, line.of) {
        (Some(n), Some(of)) => format!("{} of {}", number::number(n), number::number(of)),
        _ => String::new(),
    }
}

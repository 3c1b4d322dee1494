//! The dimensions of usage counts.

use std::collections::HashMap;

use super::interner::Symbol;
use super::tally::CellId;

/// The dimensions of a usage count besides fetch and person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The event's name.
    pub event: Symbol,
    /// Whether the event is an intentional use.
    pub is_intentional: bool,
    /// The event's feature.
    pub feature: Symbol,
    /// The language; `None` if the source does not report it.
    pub language: Option<Symbol>,
    /// The editor; `None` if the source does not report it.
    pub ide: Option<Symbol>,
}

/// All cells by their id.
#[derive(Debug, Default)]
pub struct Cells {
    cells: Vec<Cell>,
    numbers: HashMap<Cell, CellId, foldhash::fast::RandomState>,
}

impl Cells {
    /// The id of a cell.
    pub(super) fn intern(&mut self, cell: Cell) -> CellId {
        *self.numbers.entry(cell).or_insert_with(|| {
            self.cells.push(cell);
            CellId(u32::try_from(self.cells.len() - 1).expect("four billion cells do not fit in memory"))
        })
    }

    /// The cell with this id.
    pub fn cell(&self, id: CellId) -> &Cell {
        &self.cells[id.0 as usize]
    }

    /// All cells by their id.
    pub fn all(&self) -> &[Cell] {
        &self.cells
    }
}

//! Exports: metrics as CSV, OpenMetrics or Markdown, records as CSV, and the restricted list of
//! seats. Pure: lines go in, text comes out.

mod digest;
mod openmetrics;
mod people;
mod published;
mod records;
mod table;

pub use digest::{digest, markdown};
pub use openmetrics::{Exposition, openmetrics};
pub use people::{PersonName, ReclaimOptions, SeatReport, UsernameIndex};
pub use published::{PublishedMetric, read_table};
pub use records::{COLUMNS, RecordCsvWriter};
pub use table::{InstanceColumn, table};

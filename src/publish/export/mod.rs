//! Numbers that travel: as a table, for Prometheus, as a digest for people, and the list of seats. Pure: lines go in, text comes out.

mod digest;
mod openmetrics;
mod people;
mod records;
mod table;

pub use digest::digest;
pub use openmetrics::{Exposition, openmetrics};
pub use people::{Named, People, Told, Wishes};
pub use records::{COLUMNS, RecordSheet};
pub use table::{Instances, table};

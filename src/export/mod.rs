//! Numbers that travel: as a table, for Prometheus, as a digest for people, and the list of seats. Pure: lines go in,
//! text comes out.

mod table;

pub use table::{Instances, table};

//! Numbers that travel: as a table, for Prometheus, as a digest for people. Pure: lines go in, text comes out.

mod digest;
mod openmetrics;
mod table;

pub use digest::digest;
pub use openmetrics::{Exposition, openmetrics};
pub use table::{Instances, table};

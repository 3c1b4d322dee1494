//! The lines of the streams between the commands, and reading and writing them.
//!
//! Every line is one JSON object with a `type`. Readers skip unknown types and fields, so either
//! can be added at any time; existing names and meanings never change.

pub mod canonical;
pub mod coverage;
pub mod event;
pub mod event_writer;
pub mod former_group;
pub mod history_loss;
pub mod line;
pub mod log_line;
pub mod metric;
pub mod number;
mod omit;
pub mod placeholder;
pub mod raw;
pub mod record;
pub mod rollup;
pub mod scalar;
pub mod scope;
pub mod topic;
pub mod usage_event;

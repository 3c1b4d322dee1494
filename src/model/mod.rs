//! The lines of the streams between the commands, and reading and writing them.

pub mod canonical;
pub mod event;
pub mod event_writer;
pub mod line;
pub mod log_line;
pub mod record;
pub mod scalar;
pub mod topic;
pub mod usage_event;

//! The lines that the commands pass to each other, one type per line.

pub mod canonical;
pub mod event;
pub mod event_writer;
pub mod line;
pub mod log_line;
pub mod record;
pub mod scalar;
pub mod topic;
pub mod usage_event;

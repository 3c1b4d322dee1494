//! Reading and writing streams of lines.

pub mod chunks;
pub mod encoding;
pub mod lines;
pub mod misplaced;
pub mod rejects;

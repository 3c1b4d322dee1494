//! The location of a finding.

/// A line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The index of the file on the command line, from 0.
    pub file: u32,
    /// The line, from 1.
    pub line: u64,
}

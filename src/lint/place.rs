//! Where a finding is.

/// A line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the file, in the order in which they were named.
    pub file: u32,
    /// The line, from 1.
    pub line: u64,
}

//! A finding, and where it is.

use super::rule::Rule;

/// A line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the file, in the order in which they were named.
    pub file: u32,
    /// The line, from 1.
    pub line: u64,
}

/// What a rule found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Where.
    pub place: Place,
    /// What is wrong, in a line.
    pub text: String,
    /// The name of the event, where it is known.
    pub event: Option<String>,
    /// What the finding is about, apart from its place: the same when lines move.
    pub subject: String,
}

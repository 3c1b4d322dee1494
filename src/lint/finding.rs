//! A finding, and where it is.

use super::place::Place;
use super::rule::Rule;

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

//! A finding.

use super::location::Location;
use super::rule::Rule;

/// A violation of a rule at a location.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The violated rule.
    pub rule: &'static Rule,
    /// Where the violation is.
    pub location: Location,
    /// The message: one line, without the location.
    pub text: String,
    /// The name of the event, if it has one.
    pub event: Option<String>,
    /// Identifies the event or session, and does not change when lines move. Empty if there is no
    /// such identifier.
    pub subject: String,
}

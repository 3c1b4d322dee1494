//! The kinds of rules, one file each.

mod change;
mod credits_run_out;
mod failing;
mod missing_data;
mod stale;
mod threshold;
mod unused_seats;

use std::fmt::Debug;

use super::context::Context;
use super::fields::Fields;
use super::finding::Judgment;
use crate::base::severity::Severity;
use crate::base::yaml::LineError;

/// A kind of rule.
#[derive(Debug)]
pub struct Kind {
    /// The name, in snake case. It never changes: rules files and reports refer to it.
    pub name: &'static str,
    /// The severity of rules that set none.
    pub severity: Severity,
    /// Whether such a rule exists without a rules file.
    pub is_builtin: bool,
    /// What is good, in one line without a full stop.
    pub title: &'static str,
    /// Reads the fields of a rule of this kind.
    pub(super) read: fn(&mut Fields<'_>) -> Result<Box<dyn Test>, LineError>,
}

/// A rule of some kind with its limits.
pub(super) trait Test: Debug + Send + Sync {
    /// Compares the data with the limits.
    fn judge(&self, context: &Context<'_, '_>) -> Judgment;
}

/// All kinds, in the order of reports.
pub static KINDS: [Kind; 8] = [
    stale::KIND,
    missing_data::KIND,
    change::FALL,
    change::RISE,
    failing::KIND,
    credits_run_out::KIND,
    unused_seats::KIND,
    threshold::KIND,
];

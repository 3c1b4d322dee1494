//! Check: rules that compare published metric lines, and how complete and how old the data is, with
//! limits. What they find are alerts without a server.
//!
//! A rule has a [`Kind`], which is one file in `kinds/`. Everything is computed from lines after
//! suppression and from coverage lines, so a finding reveals no more than the site. What cannot be
//! judged is reported as such, and never passes as good.

mod context;
mod daily;
mod fields;
mod finding;
mod kinds;
pub mod report;
mod rules;

pub use context::Input;
pub use finding::{Finding, Judgment};
pub use kinds::{KINDS, Kind};
pub use rules::{Rule, RuleSet};

use context::Context;

use crate::publish::place::Place;

/// What each rule found, in the order of the rules.
pub fn check<'r>(rules: &'r RuleSet, input: &Input<'_>) -> Vec<(&'r Rule, Judgment)> {
    let places = Place::all(input.lines);
    let judge = |rule: &'r Rule| {
        let context = Context { input, places: &places, scopes: &rule.scopes, holidays: &rules.holidays };
        (rule, rule.test.judge(&context))
    };
    rules.rules.iter().map(judge).collect()
}

#[cfg(test)]
mod tests;

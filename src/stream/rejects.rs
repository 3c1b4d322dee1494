//! Counting input that cannot be read, and deciding when it is too much.

use std::collections::BTreeMap;

use crate::base::error::{Error, Outcome};
use crate::base::text::counted;
use crate::system::summary::Summary;

/// Rejected lines and rows by their reason.
#[derive(Debug)]
pub struct Rejects {
    limit: f64,
    count: u64,
    reasons: BTreeMap<String, (u64, u64)>,
}

/// The share of rejected rows that is borne unless told otherwise, in percent.
pub const DEFAULT_MAX_REJECTS: f64 = 1.0;

/// Different reasons that are told one by one; hostile input can make any number of them.
const REASONS: usize = 20;

impl Rejects {
    /// None yet; `limit` is the share in percent above which the input is not the documented stream.
    pub fn new(limit: f64) -> Rejects {
        Rejects { limit, count: 0, reasons: BTreeMap::new() }
    }

    /// Adds one, found in this line.
    pub fn add(&mut self, line: u64, reason: &str) {
        self.count += 1;
        let reason = match self.reasons.len() >= REASONS && !self.reasons.contains_key(reason) {
            true => "other reasons",
            false => reason,
        };
        self.reasons.entry(reason.to_owned()).or_insert((line, 0)).1 += 1;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Tells the reasons and the outcome; `accepted` is what could be read.
    pub fn conclude(&self, accepted: u64, summary: &mut Summary) -> Result<Outcome, Error> {
        for (reason, (line, count)) in &self.reasons {
            summary.say(format!("{} rejected, first in line {line}: {reason}", counted(*count, "row")));
        }
        let share = 100.0 * self.count as f64 / (self.count + accepted).max(1) as f64;
        match self.reasons.iter().next() {
            None => Ok(Outcome::Complete),
            Some((reason, (line, _))) if self.limit == 0.0 => {
                Err(Error::Input(format!("line {line}: {reason}; check what is piped in")))
            }
            Some((reason, (line, _))) if share > self.limit => Err(Error::Input(format!(
                "{share:.1} % of the input is rejected, more than --max-rejects {} %; line {line}: {reason}; check what is piped in",
                self.limit
            ))),
            Some(_) => Ok(Outcome::Partial),
        }
    }
}

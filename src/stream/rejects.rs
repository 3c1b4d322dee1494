//! Counts rejected input, and decides whether there is too much of it.

use std::collections::BTreeMap;

use crate::base::error::{Error, Outcome};
use crate::base::text::format_count;
use crate::system::summary::Summary;

/// Rejected lines and rows, by reason.
#[derive(Debug)]
pub struct Rejects {
    /// In percent.
    max_share: f64,
    count: u64,
    /// The first line and the count of each reason.
    reasons: BTreeMap<String, (u64, u64)>,
}

/// Rejected lines and rows of one chunk, by reason. Line numbers count from its start. Its size does
/// not depend on their number.
#[derive(Debug, Default)]
pub struct ChunkRejects {
    count: u64,
    reasons: BTreeMap<String, (u64, u64)>,
}

/// The default of `--max-rejects`: the share of rejected rows, in percent.
pub const DEFAULT_MAX_REJECTS: f64 = 1.0;

/// Distinct reasons that are reported. Hostile input can cause any number of them.
const MAX_REASONS: usize = 20;

impl Rejects {
    /// No rejects yet. With a share of rejects above `max_share`, in percent, the command fails.
    pub fn new(max_share: f64) -> Rejects {
        Rejects { max_share, count: 0, reasons: BTreeMap::new() }
    }

    /// Adds a rejected line or row of this line.
    pub fn add(&mut self, line: u64, reason: &str) {
        self.count += 1;
        add_reason(&mut self.reasons, reason, line, 1);
    }

    /// Adds those of a chunk that starts after this many lines.
    pub fn add_chunk(&mut self, lines_before: u64, chunk: &ChunkRejects) {
        self.count += chunk.count;
        for (reason, (line, count)) in &chunk.reasons {
            add_reason(&mut self.reasons, reason, lines_before + line, *count);
        }
    }

    /// The number of rejects.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds the reasons to the summary, and returns the outcome. `accepted` is the number of
    /// accepted rows.
    ///
    /// # Errors
    /// [`Error::Input`] if the share of rejects exceeds the maximum.
    pub fn conclude(&self, accepted: u64, summary: &mut Summary) -> Result<Outcome, Error> {
        for (reason, (line, count)) in &self.reasons {
            summary
                .warning(format!("{} rejected, first in line {line}: {reason}", format_count(*count, "row")));
        }
        let share = 100.0 * self.count as f64 / (self.count + accepted).max(1) as f64;
        match self.reasons.iter().next() {
            None => Ok(Outcome::Complete),
            Some((reason, (line, _))) if self.max_share == 0.0 => {
                Err(Error::Input(format!("line {line}: {reason}; check the input")))
            }
            Some((reason, (line, _))) if share > self.max_share => Err(Error::Input(format!(
                "{share:.1}% of the input is rejected, more than --max-rejects {}; line {line}: {reason}; check the input",
                self.max_share
            ))),
            Some(_) => Ok(Outcome::Partial),
        }
    }
}

impl ChunkRejects {
    /// Adds a rejected line or row of this line.
    pub fn add(&mut self, line: u64, reason: &str) {
        self.count += 1;
        add_reason(&mut self.reasons, reason, line, 1);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn add_reason(reasons: &mut BTreeMap<String, (u64, u64)>, reason: &str, line: u64, count: u64) {
    let is_over_limit = reasons.len() >= MAX_REASONS && !reasons.contains_key(reason);
    let reason = if is_over_limit { "other reasons" } else { reason };
    match reasons.get_mut(reason) {
        Some((first, total)) => (*first, *total) = ((*first).min(line), *total + count),
        None => drop(reasons.insert(reason.to_owned(), (line, count))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_add_up_and_keep_few_reasons() {
        let mut rejects = Rejects::new(100.0);
        for lines_before in [0, 50] {
            let mut chunk = ChunkRejects::default();
            for line in 1..=50 {
                chunk.add(line, "not JSON");
                chunk.add(line, &format!("unknown field {}", lines_before + line));
            }
            assert!(chunk.reasons.len() <= MAX_REASONS + 1);
            rejects.add_chunk(lines_before, &chunk);
        }
        assert_eq!(rejects.count(), 200);
        assert!(rejects.reasons.len() <= MAX_REASONS + 1);
        assert_eq!(rejects.reasons["not JSON"], (1, 100));
        assert_eq!(rejects.reasons.values().map(|(_, count)| count).sum::<u64>(), 200);
    }
}

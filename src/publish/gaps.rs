//! Gaps: consecutive days that are incomplete for the same reason, as far as the reason may be
//! published.

use std::collections::BTreeMap;

use crate::base::calendar::Day;
use crate::model::coverage::{Coverage, IMPORTED, Status};

use super::text::plain;

/// The number of gaps that a page lists.
pub const MAX_GAPS: usize = 60;

/// The coverage line that counts for a collector, group and day: a complete one, else the newest.
pub fn best<'a>(coverage: &[&'a Coverage]) -> Vec<&'a Coverage> {
    let mut best: BTreeMap<_, &Coverage> = BTreeMap::new();
    for &line in coverage {
        let rank = |line: &Coverage| (line.status == Status::Complete, line.fetched_at, line.rows);
        let kept = best.entry((&*line.collector, &*line.instance, &*line.scope, line.day)).or_insert(line);
        if rank(line) > rank(kept) {
            *kept = line;
        }
    }
    best.into_values().collect()
}

/// Consecutive days that are missing for the same reason, in one group or several.
pub struct Gap<'a> {
    /// The first of its coverage lines.
    pub line: &'a Coverage,
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
    /// The groups.
    pub scopes: Vec<&'a str>,
}

/// Merges the lines that [`Completeness`](super::completeness::Completeness) lists as gaps.
pub fn gaps<'a>(missing: &[&'a Coverage]) -> Vec<Gap<'a>> {
    let mut gaps: Vec<Gap> = Vec::new();
    // The lines are sorted by collector, group and day.
    for &line in missing {
        match gaps.last_mut() {
            Some(gap)
                if gap.last.plus(1) == line.day
                    && (&gap.line.instance, &gap.line.scope) == (&line.instance, &line.scope)
                    && same_cause(gap.line, line) =>
            {
                gap.last = line.day;
            }
            _ => gaps.push(Gap { line, first: line.day, last: line.day, scopes: vec![&line.scope] }),
        }
    }
    // A server that is down is down for all groups, which takes one row.
    let mut merged: Vec<Gap> = Vec::new();
    for gap in gaps {
        let same = |other: &&mut Gap| {
            (other.first, other.last) == (gap.first, gap.last) && same_cause(other.line, gap.line)
        };
        match merged.iter_mut().rev().take(MAX_GAPS).find(same) {
            Some(other) => other.scopes.extend(gap.scopes),
            None => merged.push(gap),
        }
    }
    merged
}

fn same_cause(a: &Coverage, b: &Coverage) -> bool {
    (&a.collector, a.status, &a.reason) == (&b.collector, b.status, &b.reason)
}

/// Prefixes of reasons that contain no text of a server.
const KNOWN_REASONS: &[&str] = &[
    "GitLab sums up at most one year",
    "GitLab Credits are not reported",
    "GitLab returned null for ",
    "GitLab may have deleted the events",
    "GitLab's answer is truncated",
    "GitLab's rate limit",
    "no seat purchase is visible",
    "shrunk: ",
    "skipped by --every",
    "the day had not ended",
    "truncated input",
    IMPORTED,
    // Reasons of earlier versions, which histories contain.
    "GitLab adds up a year at most",
    "GitLab Credits are not told here", // typos: keep
    "GitLab answers null for ",
    "GitLab may have forgotten",
    "GitLab's answer is cut off",
    "left out by --every",
    "the day was not over",
    "the stream is cut", // typos: keep
];

/// Prefixes of reasons that go on with text of a server, which can contain a name or a URL.
const KNOWN_PREFIXES: &[&str] = &[
    "cannot reach",
    "GitLab could not return",
    "GitLab denied access",
    "GitLab left out fields of",
    "GitLab rejected",
    "GitLab returned a server error",
    "GitLab timed out",
    "not available in this GitLab version",
    "not enabled in this GitLab",
    "not requested",
    "this GitLab reports credits for",
    // Prefixes of earlier versions, which histories contain.
    "GitLab is not well",
    "GitLab leaves out",
    "GitLab ran out of time",
    "GitLab refuses",
    "not asked for",
    "this GitLab has no such field",
    "this GitLab tells credits of", // typos: keep
];

/// The part of a reason that may be published: no text of a server.
pub fn published_reason(line: &Coverage) -> Option<String> {
    let reason = line.reason.as_deref()?;
    if KNOWN_REASONS.iter().any(|own| reason.starts_with(own)) {
        return Some(plain(reason, 200));
    }
    KNOWN_PREFIXES.iter().find(|own| reason.starts_with(**own)).map(|own| (*own).to_owned())
}

//! How complete the data of a dashboard is. The exit code of `fetch`, the badge of the page, the
//! status in `dashboard.json` and the digest all use this computation.

use std::collections::BTreeMap;

use super::gaps::best;
use crate::collect::collectors::{Requirement, by_name};
use crate::model::coverage::{Coverage, Status};
use crate::model::topic::Topic;

/// How complete the data of a dashboard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All requested data was collected.
    Complete,
    /// All requested data was collected, for some of the days only.
    Sampled,
    /// All data comes from imported events, whose completeness is unknown.
    Unverified,
    /// Some requested data is missing.
    Partial,
    /// There is no day of a core collector or of a source that could replace one.
    Nothing,
}

/// How complete the data of a dashboard is, and what is missing.
#[derive(Debug, PartialEq)]
pub struct Completeness<'a> {
    /// The summary.
    pub verdict: Verdict,
    /// Days that are missing or incomplete, with one line for each collector, group and day: see
    /// [`best`].
    pub gaps: Vec<&'a Coverage>,
    /// Days of imported events, whose completeness is unknown.
    pub imported: Vec<&'a Coverage>,
    /// Optional sources that this token, license or GitLab version does not offer.
    pub refused: BTreeMap<&'a str, &'a Coverage>,
    /// Whether core collectors ran and none of them returned a day.
    pub lacks_core: bool,
    /// The number of rows that were read, and of rows that GitLab returned as null.
    pub rows: (u64, u64),
}

/// The share of null rows of a collector above which the data is partial.
const MAX_UNREADABLE: f64 = 0.05;

impl<'a> Completeness<'a> {
    /// The completeness of a dashboard, from the coverage lines of its collectors.
    pub fn of(topic: Topic, coverage: impl IntoIterator<Item = &'a Coverage>) -> Completeness<'a> {
        let lines: Vec<&Coverage> =
            coverage.into_iter().filter(|line| topic_of(&line.collector) == topic).collect();
        let lines = best(&lines);
        let key = |line: &Coverage| (line.collector.clone(), line.instance.clone(), line.scope.clone());
        let mut tally = Tally::default();
        for of_source in lines.chunk_by(|one, other| key(one) == key(other)) {
            tally.add_source(of_source);
        }
        tally.conclude()
    }
}

/// What the coverage lines of a dashboard state.
#[derive(Default)]
struct Tally<'a> {
    gaps: Vec<&'a Coverage>,
    imported: Vec<&'a Coverage>,
    refused: BTreeMap<&'a str, &'a Coverage>,
    /// Refused days of core collectors.
    refused_core: Vec<&'a Coverage>,
    /// The number of rows that were read, and of null rows, by collector.
    rows: BTreeMap<&'a str, (u64, u64)>,
    is_sampled: bool,
    has_core: bool,
    has_core_data: bool,
    has_data: bool,
}

impl<'a> Tally<'a> {
    /// Adds the lines of one collector, instance and scope.
    fn add_source(&mut self, lines: &[&'a Coverage]) {
        let collector = lines[0].collector.as_str();
        let is_core = is_core(collector);
        // Imported events do not state which days they cover, so none of them can be missing.
        let (imported, lines): (Vec<&Coverage>, Vec<&Coverage>) =
            lines.iter().partition(|line| line.is_imported());
        let is_known = lines.iter().any(|line| is_known(line));
        self.imported.extend(imported);
        self.has_core |= is_core;
        self.has_core_data |= is_core && is_known;
        self.has_data |= is_known;
        for line in lines {
            let rows = self.rows.entry(collector).or_default();
            (rows.0, rows.1) = (rows.0 + line.rows.unwrap_or(0), rows.1 + line.unreadable);
            match line.status {
                Status::Skipped => self.is_sampled = true,
                Status::Complete if !line.shrunk => {}
                // A collector that is refused on every day depends on the token or the license, not
                // on the data.
                Status::Denied | Status::Unsupported if !is_known && !line.named => {
                    self.refused.entry(collector).or_insert(line);
                    self.refused_core.extend(is_core.then_some(line));
                }
                _ => self.gaps.push(line),
            }
        }
    }

    fn conclude(mut self) -> Completeness<'a> {
        let lacks_core = self.has_core && !self.has_core_data && self.imported.is_empty();
        if lacks_core {
            // Without any core collector, the refused ones are the gap.
            self.refused.retain(|collector, _| requirement_of(collector) != Some(Requirement::Core));
            self.gaps.append(&mut self.refused_core);
            self.gaps.sort();
        }
        Completeness {
            verdict: self.verdict(lacks_core),
            rows: self.rows.values().fold((0, 0), |sum, rows| (sum.0 + rows.0, sum.1 + rows.1)),
            gaps: self.gaps,
            imported: self.imported,
            refused: self.refused,
            lacks_core,
        }
    }

    fn verdict(&self, lacks_core: bool) -> Verdict {
        match () {
            () if !self.has_data && self.imported.is_empty() => Verdict::Nothing,
            () if lacks_core || !self.gaps.is_empty() || !self.is_readable() => Verdict::Partial,
            () if !self.has_data => Verdict::Unverified,
            () if self.is_sampled => Verdict::Sampled,
            () => Verdict::Complete,
        }
    }

    /// Whether no collector has too many null rows.
    fn is_readable(&self) -> bool {
        let is_mostly_readable =
            |(rows, nulls): &(u64, u64)| *nulls as f64 <= MAX_UNREADABLE * (rows + nulls) as f64;
        self.rows.values().all(is_mostly_readable)
    }
}

/// The dashboard of a collector. Imported events and custom collectors belong to the Duo dashboard.
pub fn topic_of(collector: &str) -> Topic {
    by_name(collector).map_or(Topic::Duo, |collector| collector.info().topic)
}

/// Whether a dashboard needs the collector.
pub fn is_core(collector: &str) -> bool {
    requirement_of(collector) == Some(Requirement::Core)
}

fn requirement_of(collector: &str) -> Option<Requirement> {
    by_name(collector).map(|collector| collector.info().requirement)
}

/// Whether there is anything to count. A day that failed before its first row has no data.
fn is_known(line: &Coverage) -> bool {
    match line.status {
        Status::Complete => true,
        Status::Partial => line.rows.is_some_and(|rows| rows > 0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::coverage::IMPORTED;

    fn line(collector: &str, day: &str, status: Status, rows: Option<u64>) -> Coverage {
        Coverage {
            collector: collector.to_owned(),
            instance: "https://gitlab.example.com".to_owned(),
            scope: "acme".to_owned(),
            day: day.parse().expect("a literal day"),
            status,
            rows,
            fetched_at: "2026-11-01T03:00:00Z".parse().ok(),
            reason: None,
            unreadable: 0,
            key_check: None,
            shrunk: false,
            named: false,
        }
    }

    fn verdict(lines: &[Coverage]) -> (Verdict, bool) {
        let found = Completeness::of(Topic::Duo, lines);
        (found.verdict, found.lacks_core)
    }

    #[test]
    fn every_state_has_its_verdict() {
        use Status::{Complete, Denied, Failed, Partial, Skipped, Unsupported};
        let usage = |status, rows| line("usage_events", "2026-10-30", status, rows);
        let good = || usage(Complete, Some(7));
        assert_eq!(verdict(&[]), (Verdict::Nothing, false));
        assert_eq!(verdict(&[good()]), (Verdict::Complete, false));
        assert_eq!(verdict(&[usage(Denied, None)]), (Verdict::Nothing, true));
        assert_eq!(verdict(&[usage(Partial, Some(0))]), (Verdict::Nothing, true));
        let seats = |status| line("seats", "2026-11-01", status, None);
        assert_eq!(verdict(&[good(), seats(Denied)]), (Verdict::Complete, false));
        assert_eq!(verdict(&[usage(Denied, None), seats(Complete)]), (Verdict::Partial, true));
        assert_eq!(verdict(&[good(), Coverage { named: true, ..seats(Denied) }]), (Verdict::Partial, false));
        assert_eq!(verdict(&[good(), seats(Failed)]), (Verdict::Partial, false));
        let suggestions = line("code_suggestion_events", "2026-10-30", Unsupported, None);
        assert_eq!(verdict(&[good(), suggestions.clone()]), (Verdict::Complete, false));
        assert_eq!(Completeness::of(Topic::Duo, &[good(), suggestions]).refused.len(), 1);
        let later = |status| line("usage_events", "2026-10-31", status, None);
        assert_eq!(verdict(&[good(), later(Skipped)]), (Verdict::Sampled, false));
        assert_eq!(verdict(&[good(), later(Denied)]), (Verdict::Partial, false), "refused on some days only");
        assert_eq!(verdict(&[Coverage { shrunk: true, ..good() }]), (Verdict::Partial, false));
        assert_eq!(
            verdict(&[Coverage { unreadable: 1, ..usage(Complete, Some(39)) }]),
            (Verdict::Complete, false)
        );
        assert_eq!(verdict(&[Coverage { unreadable: 1, ..good() }]), (Verdict::Partial, false));
        let reason = Some(IMPORTED.to_owned());
        let imported = Coverage { reason, ..line("snowplow", "2026-10-30", Partial, Some(9)) };
        assert_eq!(verdict(std::slice::from_ref(&imported)), (Verdict::Unverified, false));
        assert_eq!(verdict(&[good(), imported]), (Verdict::Complete, false));
        let requests = line("merge_requests", "2026-10-30", Failed, None);
        assert_eq!(
            verdict(&[good(), requests]),
            (Verdict::Complete, false),
            "it belongs to the other dashboard"
        );
    }
}

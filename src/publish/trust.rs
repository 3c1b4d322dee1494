//! How far the data can be trusted: the same facts as the exit code and the hatching of charts.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::calendar::{Day, Grain};
use crate::model::coverage::{Coverage, Status};

use super::completeness::{Completeness, Verdict};
use super::gaps::published_reason;
use super::number::{self, count, counted};
use super::privacy::Line;
use super::text::{MAX_LABEL_LEN, plain};

/// Whether the data of a dashboard is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All requested data was collected.
    Complete,
    /// All requested days were collected, and only some were requested.
    Sampled,
    /// Some requested data is missing, or counts differ from GitLab's own for no known reason.
    Partial,
    /// There is nothing to count.
    Empty,
    /// All data comes from imported events.
    Imported,
    /// Nothing is known to be missing, and no coverage lines say that nothing is.
    Unknown,
}

/// What the state of a dashboard is derived from.
#[derive(Clone, Copy)]
pub struct Evidence<'e, 'a> {
    /// The published lines.
    pub lines: &'e [Line<'a>],
    /// One coverage line for each collector, group and day.
    pub coverage: &'e [&'a Coverage],
    /// What the coverage lines state.
    pub completeness: &'e Completeness<'a>,
    /// The first and the last reported day.
    pub days: Option<(Day, Day)>,
    /// Whether events differ from GitLab's own counts without a known reason.
    pub differs: bool,
}

impl Evidence<'_, '_> {
    /// The state.
    pub fn state(&self) -> State {
        // Who is in a team shows no use.
        let is_metric =
            |line: &&Line<'_>| !line.metric.starts_with("coverage.") && !line.metric.starts_with("teams.");
        let is_known = |line: &Line<'_>| line.value.is_some() || line.is_suppressed;
        match self.completeness.verdict {
            _ if !self.lines.iter().filter(is_metric).any(is_known) => State::Empty,
            // Without coverage lines, a gap cannot be distinguished from a range that is shorter
            // than the window.
            _ if self.coverage.is_empty() => {
                let is_complete = self.lines.iter().all(|line| line.coverage >= 1.0);
                if is_complete { State::Unknown } else { State::Partial }
            }
            Verdict::Complete | Verdict::Sampled if self.differs => State::Partial,
            Verdict::Complete => State::Complete,
            Verdict::Sampled => State::Sampled,
            Verdict::Unverified => State::Imported,
            Verdict::Partial | Verdict::Nothing => State::Partial,
        }
    }

    /// The number of reported days that every collector has completely, and of all reported days.
    fn complete_days(&self) -> Option<(u64, u64)> {
        let (first, last) = self.days?;
        let mut is_complete: BTreeMap<Day, bool> = BTreeMap::new();
        let is_requested = |line: &&&Coverage| {
            !self.completeness.refused.contains_key(line.collector.as_str()) && !line.is_imported()
        };
        let is_reported = |line: &&&Coverage| line.day >= first && line.day <= last;
        for line in self.coverage.iter().filter(is_requested).filter(is_reported) {
            *is_complete.entry(line.day).or_insert(true) &= line.status == Status::Complete && !line.shrunk;
        }
        let complete = is_complete.values().filter(|complete| **complete).count() as u64;
        Some((complete, last.days_since(first).max(0) as u64 + 1))
    }

    /// The last published and the last collected day, if that is later.
    fn collected_later(&self) -> Option<(Day, Day)> {
        let (_, published) = self.days?;
        // A list of seats is of the day after the last one that was requested.
        let is_of_day = |line: &&&Coverage| line.collector.ends_with("events");
        let collected = self.coverage.iter().filter(is_of_day).map(|line| line.day).max()?;
        (collected > published).then_some((published, collected))
    }

    /// The complete days whose values may still change, which charts hatch.
    fn open_days(&self) -> u64 {
        let is_open = |line: &&Line<'_>| {
            line.period.grain == Grain::Day && !line.is_final && line.coverage >= 1.0 && line.by.is_empty()
        };
        let days: BTreeSet<Day> = self.lines.iter().filter(is_open).map(|line| line.period.end).collect();
        days.len() as u64
    }
}

/// The facts for readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The state.
    pub state: State,
    /// Whether any day is reported.
    pub is_published: bool,
    /// The state in a few words, for example `92 of 92 days complete`.
    pub summary: String,
    /// Sentences on days, suppression and sources.
    pub facts: Vec<String>,
}

impl Trust {
    /// The facts of a dashboard.
    pub fn of(evidence: &Evidence<'_, '_>, min_people: u64) -> Trust {
        let state = evidence.state();
        let open = evidence.open_days();
        let days = evidence.complete_days();
        let of_days = days.map_or_else(String::new, |(complete, all)| {
            format!("{} of {}", count(complete), counted(all, "day", "days"))
        });
        let summary = match state {
            State::Empty => "No data yet".to_owned(),
            State::Imported => "Imported events, completeness unknown".to_owned(),
            _ if days.is_none() => "No week published yet".to_owned(),
            State::Sampled => format!("Sample: {of_days} collected"),
            State::Unknown => "Completeness unknown".to_owned(),
            State::Partial if evidence.coverage.is_empty() => "Completeness unknown".to_owned(),
            State::Partial => format!("Partial: {of_days} complete"),
            State::Complete => format!("{of_days} complete"),
        };
        let summary = match open {
            0 => summary,
            open => format!("{summary} · {} may still change", counted(open, "day", "days")),
        };
        let facts = facts(evidence, state, days, open, min_people);
        Trust { state, is_published: days.is_some(), summary, facts }
    }
}

fn facts(
    evidence: &Evidence<'_, '_>,
    state: State,
    days: Option<(u64, u64)>,
    open: u64,
    min_people: u64,
) -> Vec<String> {
    let found = evidence.completeness;
    let mut facts = Vec::new();
    facts.extend(match (state, days) {
        (State::Sampled, Some((complete, all))) => Some(format!(
            "This is a sample: {} of {} were collected. Totals are too low.",
            count(complete),
            counted(all, "day", "days")
        )),
        (State::Complete, Some((complete, all))) if complete == all => {
            Some("All requested data was collected.".to_owned())
        }
        (State::Partial, Some((complete, all))) if complete < all => Some(format!(
            "{} of {} are incomplete in at least one source.",
            count(all - complete),
            counted(all, "day", "days")
        )),
        (State::Imported, _) => Some("Imported events do not state which days they cover.".to_owned()),
        _ => None,
    });
    if open > 0 {
        facts.push(format!(
            "{} may still change: late events arrive for up to 7 days. Charts hatch these days.",
            counted(open, "day", "days")
        ));
    }
    if days.is_none() && state != State::Empty {
        facts.push(
            "Weeks are published seven days after they end, when late events no longer change them."
                .to_owned(),
        );
    }
    facts.extend(evidence.collected_later().map(|(published, collected)| {
        format!(
            "Collected up to {}, published up to {}: later days follow when their week is closed.",
            number::long_day(collected),
            number::long_day(published)
        )
    }));
    if evidence.differs {
        facts.push("Events differ from GitLab's own counts without a known reason.".to_owned());
    }
    let missing: BTreeSet<&str> = found.gaps.iter().map(|line| line.collector.as_str()).collect();
    if !missing.is_empty() {
        let names: Vec<String> = missing.into_iter().map(|name| plain(name, MAX_LABEL_LEN)).collect();
        facts.push(format!("Incomplete sources: {}.", names.join(", ")));
    }
    if found.rows.1 > 0 {
        let (rows, nulls) = found.rows;
        facts.push(format!(
            "GitLab returned {} of {} as null; they are not counted.",
            count(nulls),
            counted(rows + nulls, "row", "rows")
        ));
    }
    let suppressed = evidence.lines.iter().filter(|line| line.is_suppressed).count() as u64;
    facts.push(match suppressed {
        0 => format!("No value is suppressed: all rest on at least {min_people} people."),
        suppressed => format!(
            "{} suppressed (fewer than {min_people} people, or they would reveal such a value).",
            counted(suppressed, "value is", "values are")
        ),
    });
    facts.extend(found.refused.values().map(|line| {
        let reason = published_reason(line).unwrap_or_else(|| line.status.as_str().to_owned());
        let name = plain(&line.collector, MAX_LABEL_LEN);
        format!("Without the optional source {name}: {reason}. {}", number::remedy(line))
    }));
    facts
}

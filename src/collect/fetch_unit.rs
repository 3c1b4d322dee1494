//! A fetch unit: one collector, scope and day, or all days where GitLab has no filter by day. It
//! numbers and dates the pages, counts the rows of each day, and writes the coverage lines.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::value::RawValue;

use crate::base::calendar::{Day, Timestamp};
use crate::base::error::Error;
use crate::base::text::format_count;
use crate::collect::checkpoint::{NewPartition, PartitionSummary, StateDir, StoredPartition};
use crate::collect::collectors::{Answer, Collector, Fault, FetchTarget, GraphQl, Sink, Span};
use crate::collect::output::Output;
use crate::collect::request_log::{next_page, requests_of};
use crate::model::coverage::{Coverage, Status};
use crate::model::raw::Raw;
use crate::model::record::{Origin, Row};
use crate::system::progress::Progress;

/// One collector, scope and range of days, collected in one walk through GitLab's pages.
pub struct FetchUnit<'a> {
    /// The collector.
    pub collector: &'static dyn Collector,
    instance: &'a str,
    target: FetchTarget<'a>,
    today: Day,
    /// Whether the user named the collector.
    is_named: bool,
    /// Whether the scope is the top-level group of a subgroup that was requested.
    is_for_subgroup: bool,
    /// The time of all lines: the server's time at the first page.
    fetched_at: OnceLock<Timestamp>,
    open_partitions: AtomicUsize,
    collected: Mutex<CollectedRows>,
}

/// What has been collected so far.
#[derive(Default)]
struct CollectedRows {
    rows: BTreeMap<Day, u64>,
    /// Nodes that GitLab returned as null, by the requested day.
    unreadable: BTreeMap<Day, u64>,
    /// The first error of such a node.
    node_error: Option<String>,
    /// Partitions that were collected completely.
    complete_partitions: usize,
    is_skipped: bool,
    fault: Option<Fault>,
    /// Why the rows may be incomplete although every page arrived.
    flaw: Option<String>,
}

impl CollectedRows {
    fn add(&mut self, summary: &PartitionSummary) {
        for (day, rows) in &summary.rows {
            *self.rows.entry(*day).or_default() += rows;
        }
        for (day, nodes) in &summary.unreadable {
            *self.unreadable.entry(*day).or_default() += nodes;
        }
        if self.node_error.is_none() {
            self.node_error.clone_from(&summary.node_error);
        }
        if self.flaw.is_none() {
            self.flaw.clone_from(&summary.flaw);
        }
    }

    /// Why rows of a day are missing, where GitLab returned nodes as null.
    fn unreadable_reason(&self, unreadable: u64) -> Option<String> {
        let error = self.node_error.as_deref().unwrap_or("no reason given");
        (unreadable > 0)
            .then(|| format!("GitLab could not return {}: {error}", format_count(unreadable, "row")))
    }
}

/// A part of a fetch unit that a worker collects on its own, for example one project.
pub struct Partition<'a> {
    /// The fetch unit.
    pub unit: &'a FetchUnit<'a>,
    name: String,
    /// One less than the number of its first page.
    first_page: u32,
}

/// The page numbers reserved for each partition. No two partitions use the same number, in whatever
/// order and attempt they are collected.
const PAGES_PER_PARTITION: u32 = 1 << 16;

impl<'a> FetchUnit<'a> {
    /// A fetch unit that has not started. `today` is the day of a snapshot for which the server
    /// never answered.
    pub fn new(
        collector: &'static dyn Collector,
        instance: &'a str,
        target: FetchTarget<'a>,
        today: Day,
        is_named: bool,
    ) -> FetchUnit<'a> {
        FetchUnit {
            collector,
            instance,
            target,
            today,
            is_named,
            is_for_subgroup: false,
            fetched_at: OnceLock::new(),
            open_partitions: AtomicUsize::new(0),
            collected: Mutex::default(),
        }
    }

    /// Marks the scope as the top-level group of a subgroup that was requested.
    #[must_use]
    pub fn for_subgroup(self, is_for_subgroup: bool) -> FetchUnit<'a> {
        FetchUnit { is_for_subgroup, ..self }
    }

    /// The name of the collector, and the scope.
    pub fn collector_and_scope(&self) -> (&'static str, String) {
        (self.collector.name(), self.target.scope.to_owned())
    }

    /// Whether it covers a single day.
    pub fn is_single_day(&self) -> bool {
        self.collector.span() == Span::Day
    }

    /// Whether a sample of every Nth day includes this one. Days are counted from a fixed day, so
    /// that every run selects the same ones. If N is a multiple of 7, each sampled day is one
    /// weekday later than the previous one; otherwise all of them would be the same weekday. Units
    /// that do not cover a single day are always included.
    pub fn is_sampled(&self, every: i64) -> bool {
        let day = self.target.since.number();
        let weekday = if every % 7 == 0 { day.div_euclid(every).rem_euclid(7) } else { 0 };
        !self.is_single_day() || day.rem_euclid(every) == weekday
    }

    /// Marks it as skipped: its day is not in the sample of `--every`.
    pub fn leave_out(&self) {
        self.collected().is_skipped = true;
    }

    /// Lists the partitions. With the state of earlier attempts, all lines keep the time of the
    /// first attempt, and each partition keeps its page numbers.
    pub fn partitions(
        &'a self,
        gitlab: &dyn GraphQl,
        state: Option<&StateDir>,
    ) -> Result<Vec<Partition<'a>>, Error> {
        if self.collected().fault.is_some() {
            return Ok(Vec::new());
        }
        let mut list = state
            .filter(|_| !self.has_single_partition())
            .map(|state| state.load_list(&self.state_key()))
            // A list from before the end of the days has no stored partitions. Its time must not
            // date this attempt.
            .filter(|list| list.fetched_at.is_some_and(|at| self.is_over(at)))
            .unwrap_or_default();
        if let Some(fetched_at) = list.fetched_at {
            self.fetched_at.get_or_init(|| fetched_at);
        }
        let mut dated = |answer: &Answer| {
            self.fetched_at.get_or_init(|| answer.at);
        };
        let _requests = requests_of(self.collector, &self.target, None);
        let names = match self.collector.partitions(gitlab, &self.target, &mut dated) {
            Ok(names) => names,
            Err(fault) => {
                self.fail(fault);
                return Ok(Vec::new());
            }
        };
        for name in &names {
            if !list.names.contains(name) {
                list.names.push(name.clone());
            }
        }
        list.fetched_at = self.fetched_at.get().copied();
        if let Some(state) = state.filter(|_| !self.has_single_partition()) {
            state.save_list(&self.state_key(), &list)?;
        }
        self.open_partitions.store(names.len(), Ordering::Relaxed);
        let place = |name: &String| list.names.iter().position(|listed| listed == name).unwrap_or_default();
        let partition = |name: String| Partition {
            unit: self,
            first_page: u32::try_from(place(&name)).unwrap_or(u32::MAX).saturating_mul(PAGES_PER_PARTITION),
            name,
        };
        Ok(names.into_iter().map(partition).collect())
    }

    /// Passes on why nothing can be collected, if that is known before the first partition.
    pub fn with_fault<T>(&self, look: impl FnOnce(Option<&Fault>) -> T) -> T {
        look(self.collected().fault.as_ref())
    }

    fn has_single_partition(&self) -> bool {
        matches!(self.collector.span(), Span::Day | Span::Sum)
    }

    /// The key of the fetch unit in the state of a run.
    fn state_key(&self) -> String {
        let FetchTarget { scope, since, until } = self.target;
        format!("{} {scope} {since} {until}", self.collector.name())
    }

    /// Marks one partition as finished; true for the last one.
    pub fn finish_partition(&self) -> bool {
        self.open_partitions.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Notes why it is incomplete. The first reason counts.
    pub fn fail(&self, fault: Fault) {
        self.collected().fault.get_or_insert(fault);
    }

    /// The coverage lines, once all partitions are finished.
    pub fn coverage(&self) -> Vec<Coverage> {
        let collected = self.collected();
        let fetched_at = self.fetched_at.get().copied();
        let days: Vec<Day> = match self.collector.span() {
            Span::Snapshot => vec![fetched_at.map_or(self.today, Timestamp::day)],
            Span::Day | Span::Range => self.target.since.through(self.target.until).collect(),
            Span::Sum => vec![self.target.until],
        };
        let line = |day: Day| {
            let rows = collected.rows.get(&day).copied().unwrap_or(0);
            let unreadable = collected.unreadable.get(&day).copied().unwrap_or(0);
            let incomplete_reason =
                fetched_at.and_then(|at| self.incomplete_reason(day, rows, unreadable, at));
            let status = match &collected.fault {
                _ if collected.is_skipped => Status::Skipped,
                None if collected.flaw.is_some() || incomplete_reason.is_some() => Status::Partial,
                None => Status::Complete,
                Some(_) if rows > 0 || collected.complete_partitions > 0 => Status::Partial,
                Some(Fault::Denied(_)) => Status::Denied,
                Some(Fault::Unsupported(_) | Fault::NotEnabled(_)) => Status::Unsupported,
                Some(_) => Status::Failed,
            };
            let fault = collected.fault.as_ref().map(|fault| self.reason(fault));
            let reports_rows = matches!(status, Status::Complete | Status::Partial);
            Coverage {
                collector: self.collector.name().to_owned(),
                instance: self.instance.to_owned(),
                scope: self.target.scope.to_owned(),
                day,
                status,
                rows: reports_rows.then_some(rows),
                fetched_at,
                reason: fault
                    .or_else(|| collected.flaw.clone())
                    .or(incomplete_reason)
                    .or_else(|| collected.is_skipped.then(|| "skipped by --every".to_owned()))
                    .or_else(|| collected.unreadable_reason(unreadable)),
                unreadable: if reports_rows { unreadable } else { 0 },
                key_check: None,
                shrunk: false,
                named: self.is_named,
            }
        };
        days.into_iter().map(line).collect()
    }

    /// Why nothing more could be collected.
    fn reason(&self, fault: &Fault) -> String {
        match fault {
            Fault::Denied(text) if self.is_for_subgroup => format!(
                "{text}; GitLab has this only for the top-level group {}, which the token must be able to read",
                self.target.scope
            ),
            fault => fault.text().to_owned(),
        }
    }

    /// Adds a complete partition.
    fn add(&self, summary: &PartitionSummary) {
        let mut collected = self.collected();
        collected.add(summary);
        collected.complete_partitions += 1;
    }

    /// Whether all requested days had ended at this time.
    fn is_over(&self, at: Timestamp) -> bool {
        self.collector.span() == Span::Snapshot || self.target.until.is_over(at)
    }

    /// Why a day may be incomplete although every page of it arrived.
    fn incomplete_reason(&self, day: Day, rows: u64, unreadable: u64, at: Timestamp) -> Option<String> {
        if rows == 0 && unreadable > 0 {
            // The day had rows, so zero rows would be wrong.
            Some("GitLab could not return any row of this day".to_owned())
        } else if self.collector.span() == Span::Snapshot {
            None
        } else if !day.is_over(at) {
            Some("the day had not ended".to_owned())
        } else if rows == 0
            && self.collector.info().retention_days.is_some_and(|days| day < oldest_kept_day(at, days))
        {
            Some(
                "GitLab may have deleted the events: without ClickHouse it keeps them for three months"
                    .to_owned(),
            )
        } else {
            None
        }
    }

    /// The requested day that a node counts for; `None` if it belongs to another day. A node that
    /// cannot be read counts for the requested day, which stays incomplete as long as the node is
    /// rejected.
    fn day_of(&self, node: &RawValue, requested_day: Day, at: Timestamp) -> Option<Day> {
        let origin = Origin {
            instance: self.instance.into(),
            collector: self.collector.name().into(),
            scope: self.target.scope.into(),
            day: requested_day,
            fetched_at: at,
            row: Row { page: 0, index: 0 },
        };
        match (self.collector.read(node.get(), origin, self.target.since), self.collector.span()) {
            (Err(_), _) | (Ok(_), Span::Snapshot) => Some(requested_day),
            (Ok(record), Span::Day | Span::Sum) => record.belongs_to_requested_day().then_some(requested_day),
            (Ok(record), Span::Range) => {
                record.days().find(|day| (self.target.since..=self.target.until).contains(day))
            }
        }
    }

    fn collected(&self) -> MutexGuard<'_, CollectedRows> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partition<'_> {
    /// The key of the partition in the state of a run.
    fn state_key(&self) -> String {
        format!("{} {}", self.unit.state_key(), self.name)
    }

    /// Writes what an earlier attempt stored; true if it stored the complete partition. Call this
    /// for every partition before collecting the first one, because all lines of a fetch unit have
    /// the same time.
    pub fn restore<W: Write>(&self, state: &StateDir, output: &Output<W>) -> Result<bool, Error> {
        let Some(StoredPartition { lines, summary }) = state.load(&self.state_key())? else {
            return Ok(false);
        };
        if let Some(fetched_at) = summary.fetched_at {
            self.unit.fetched_at.get_or_init(|| fetched_at);
        }
        for line in lines {
            output.write_serialized(self.unit.collector.name(), format!("{line}\n").as_bytes())?;
        }
        self.unit.add(&summary);
        Ok(true)
    }

    /// Collects the pages and writes the raw lines, and stores them in the state, if there is one.
    pub fn walk<W: Write>(
        &self,
        gitlab: &dyn GraphQl,
        output: &Output<W>,
        state: Option<&StateDir>,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let stored = state.map(|state| state.start(&self.state_key())).transpose().map_err(Fault::Sink)?;
        let summary = PartitionSummary::default();
        let page = self.first_page;
        let mut writer =
            PartitionWriter { unit: self.unit, output, progress, stored, page, summary, line: Vec::new() };
        let requests = requests_of(self.unit.collector, &self.unit.target, Some(1));
        let result = self.unit.collector.collect(gitlab, &self.unit.target, &self.name, &mut writer);
        drop(requests);
        let PartitionWriter { stored, mut summary, .. } = writer;
        summary.fetched_at = self.unit.fetched_at.get().copied();
        if result.is_err() {
            self.unit.collected().add(&summary);
            return result;
        }
        // The next attempt collects incomplete partitions again.
        let is_final = summary.flaw.is_none() && summary.fetched_at.is_some_and(|at| self.unit.is_over(at));
        if let Some(stored) = stored.filter(|_| is_final) {
            stored.commit(&summary).map_err(Fault::Sink)?;
        }
        self.unit.add(&summary);
        Ok(())
    }
}

struct PartitionWriter<'a, W> {
    unit: &'a FetchUnit<'a>,
    output: &'a Output<W>,
    progress: &'a Progress,
    stored: Option<NewPartition>,
    page: u32,
    summary: PartitionSummary,
    line: Vec<u8>,
}

impl<W: Write> Sink for PartitionWriter<'_, W> {
    fn page(&mut self, nodes: &[&RawValue], answer: &Answer) -> Result<(), Fault> {
        let unit = self.unit;
        let at = *unit.fetched_at.get_or_init(|| answer.at);
        let next = self.page.checked_add(1);
        self.page = next.ok_or_else(|| Fault::Answer("GitLab returns pages without end".to_owned()))?;
        let page = self.page;
        let requested_day = match unit.collector.span() {
            Span::Snapshot => at.day(),
            Span::Day | Span::Range | Span::Sum => unit.target.until,
        };
        let mut by_day: BTreeMap<Day, Vec<&RawValue>> = BTreeMap::new();
        let mut nulls = 0;
        for node in nodes {
            if node.get() == "null" {
                nulls += 1;
                by_day.entry(requested_day).or_default().push(node);
                continue;
            }
            let day = unit.day_of(node, requested_day, at);
            if let Some(day) = day {
                *self.summary.rows.entry(day).or_default() += 1;
            }
            // A page requested by day stays complete; `normalize` skips its nodes of other days.
            if let Some(day) = day.or(unit.is_single_day().then_some(requested_day)) {
                by_day.entry(day).or_default().push(node);
            }
        }
        for (day, nodes) in by_day {
            self.write(day, page, nodes, at).map_err(Fault::Sink)?;
        }
        if nulls > 0 {
            *self.summary.unreadable.entry(requested_day).or_default() += nulls;
        }
        if let Some(errors) = &answer.node_errors {
            self.summary.node_error.get_or_insert_with(|| errors.message.clone());
            // An error of a node that is present concerns an unknown part of it.
            if errors.nodes > nulls {
                self.summary.flaw.get_or_insert_with(|| {
                    format!(
                        "GitLab left out fields of {}: {}",
                        format_count(errors.nodes - nulls, "row"),
                        errors.message
                    )
                });
            }
        }
        self.progress.add_rows(nodes.len() as u64);
        next_page();
        Ok(())
    }
}

impl<W: Write> PartitionWriter<'_, W> {
    fn write(&mut self, day: Day, page: u32, nodes: Vec<&RawValue>, at: Timestamp) -> Result<(), Error> {
        let compact: Vec<Option<Box<RawValue>>> =
            nodes.iter().map(|node| to_single_line_json(node)).collect();
        let nodes = nodes.into_iter().zip(&compact).map(|(node, compact)| compact.as_deref().unwrap_or(node));
        let line = Raw {
            collector: self.unit.collector.name().into(),
            instance: self.unit.instance.into(),
            scope: self.unit.target.scope.into(),
            since: (self.unit.collector.span() == Span::Sum).then_some(self.unit.target.since),
            day,
            page,
            fetched_at: at,
            nodes: nodes.collect(),
        };
        self.line.clear();
        serde_json::to_writer(&mut self.line, &line)
            .map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?;
        self.line.push(b'\n');
        if let Some(stored) = &mut self.stored {
            stored.add(&self.line)?;
        }
        self.output.write_serialized(self.unit.collector.name(), &self.line)
    }
}

/// The first day that GitLab still has for certain, if it keeps that many days in partitions of
/// months: it drops a partition as a whole.
fn oldest_kept_day(at: Timestamp, days: i64) -> Day {
    at.day().plus(-days).first_of_month()
}

/// Removes the white space between the tokens of a node that spans several lines; everything else
/// stays as GitLab wrote it. `None` if the node has no line break.
fn to_single_line_json(node: &RawValue) -> Option<Box<RawValue>> {
    if !node.get().contains(['\n', '\r']) {
        return None;
    }
    let (mut text, mut in_string, mut escaped) = (String::with_capacity(node.get().len()), false, false);
    for c in node.get().chars() {
        if in_string || !c.is_ascii_whitespace() {
            text.push(c);
        }
        if escaped {
            escaped = false;
        } else if c == '"' {
            in_string = !in_string;
        } else {
            escaped = in_string && c == '\\';
        }
    }
    RawValue::from_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_white_space_between_tokens_only() {
        let node = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        let pretty = node("{\n  \"a\" : \"x \\\" y\",\r\n\t\"b\": [1.0, \"\\\\\"]\n}");
        assert_eq!(to_single_line_json(&pretty).expect("changed").get(), r#"{"a":"x \" y","b":[1.0,"\\"]}"#);
        assert!(to_single_line_json(&node(r#"{"a": 1}"#)).is_none());
    }
}

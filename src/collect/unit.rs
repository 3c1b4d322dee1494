//! One harvest: what a collector brings of one scope and day (or of all days, where GitLab cannot be asked for
//! one). It numbers the pages, dates them, counts the rows of each day, and says in the end what became of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::value::RawValue;

use crate::base::calendar::{Day, Timestamp};
use crate::base::error::Error;
use crate::base::text::counted;
use crate::collect::checkpoint::{NewPart, Note, State, Stored};
use crate::collect::collectors::{Answer, Collector, Fault, GraphQl, Sink, Span, Unit};
use crate::model::record::{Coverage, Origin, Raw, Row, Status};
use crate::stream::lines::LineWriter;
use crate::system::files::NewFile;
use crate::system::progress::Progress;

/// What a collector brings of one scope and day, or of all days.
pub struct Harvest<'a> {
    /// The collector.
    pub collector: &'static dyn Collector,
    instance: &'a str,
    unit: Unit<'a>,
    today: Day,
    /// Whether the user named the collector.
    is_named: bool,
    /// One moment for all lines: the server's at the first page.
    fetched_at: OnceLock<Timestamp>,
    open_parts: AtomicUsize,
    got: Mutex<Got>,
}

/// What has come so far.
#[derive(Default)]
struct Got {
    rows: BTreeMap<Day, u64>,
    /// Nodes that GitLab returned as null, by the day asked for.
    unreadable: BTreeMap<Day, u64>,
    /// The first error of such a node.
    node_error: Option<String>,
    /// Parts that arrived whole.
    whole_parts: usize,
    is_skipped: bool,
    fault: Option<Fault>,
    flaw: Option<String>,
}

impl Got {
    fn add(&mut self, note: &Note) {
        for (day, rows) in &note.rows {
            *self.rows.entry(*day).or_default() += rows;
        }
        for (day, nodes) in &note.unreadable {
            *self.unreadable.entry(*day).or_default() += nodes;
        }
        if self.node_error.is_none() {
            self.node_error.clone_from(&note.node_error);
        }
        if self.flaw.is_none() {
            self.flaw.clone_from(&note.flaw);
        }
    }

    /// Why rows of a day are missing that GitLab returned as null, in half a line.
    fn why_unreadable(&self, unreadable: u64) -> Option<String> {
        let error = self.node_error.as_deref().unwrap_or("it gave no reason");
        (unreadable > 0).then(|| format!("GitLab could not return {}: {error}", counted(unreadable, "row")))
    }
}

/// A part of a harvest that can be walked by itself.
pub struct Part<'a> {
    /// The harvest it is of.
    pub harvest: &'a Harvest<'a>,
    name: String,
    /// The number before that of its first page.
    first_page: u32,
}

/// The page numbers that a part has for itself, so that no two parts give a page the same number, whatever was
/// walked in which order and in which try.
const PAGES_A_PART: u32 = 1 << 16;

/// Where lines go: standard output or the next filter, a file a collector, or both.
pub struct Output<W> {
    stream: Option<Mutex<LineWriter<W>>>,
    files: BTreeMap<&'static str, Mutex<LineWriter<NewFile>>>,
}

impl<'a> Harvest<'a> {
    /// A harvest that has not begun. `today` is the day of a snapshot that the server never answered.
    pub fn new(
        collector: &'static dyn Collector,
        instance: &'a str,
        unit: Unit<'a>,
        today: Day,
        is_named: bool,
    ) -> Harvest<'a> {
        Harvest {
            collector,
            instance,
            unit,
            today,
            is_named,
            fetched_at: OnceLock::new(),
            open_parts: AtomicUsize::new(0),
            got: Mutex::default(),
        }
    }

    /// The collector's name and the scope.
    pub fn place(&self) -> (&'static str, String) {
        (self.collector.name(), self.unit.scope.to_owned())
    }

    /// Whether it is of a single day.
    pub fn is_of_one_day(&self) -> bool {
        self.collector.span() == Span::Day
    }

    /// Whether a sample of each Nth day has this one. The days are counted from a fixed one, so that every run takes the same.
    /// Where N is a multiple of 7, each sampled day is one weekday later than the one before, or all of them would be Sundays. What
    /// is not asked for by day is always in.
    pub fn is_sampled(&self, every: i64) -> bool {
        let day = self.unit.since.number();
        let weekday = if every % 7 == 0 { day.div_euclid(every).rem_euclid(7) } else { 0 };
        !self.is_of_one_day() || day.rem_euclid(every) == weekday
    }

    /// Notes that it is left out on purpose.
    pub fn skip(&self) {
        self.got().is_skipped = true;
    }

    /// Asks for the parts that can be walked by themselves. With the state of earlier tries, all lines stay of the
    /// moment of the first one, and each part keeps its place.
    pub fn parts(&'a self, gitlab: &dyn GraphQl, state: Option<&State>) -> Result<Vec<Part<'a>>, Error> {
        if self.got().fault.is_some() {
            return Ok(Vec::new());
        }
        let mut listing = state
            .filter(|_| !self.is_of_one_part())
            .map(|state| state.listing(&self.key()))
            // Of a moment at which the days were not over, no part was kept; it must not date what comes now.
            .filter(|listing| listing.fetched_at.is_some_and(|at| self.is_over(at)))
            .unwrap_or_default();
        if let Some(fetched_at) = listing.fetched_at {
            self.fetched_at.get_or_init(|| fetched_at);
        }
        let mut dated = |answer: &Answer| {
            self.fetched_at.get_or_init(|| answer.at);
        };
        let names = match self.collector.parts(gitlab, &self.unit, &mut dated) {
            Ok(names) => names,
            Err(fault) => {
                self.fail(fault);
                return Ok(Vec::new());
            }
        };
        for name in &names {
            if !listing.names.contains(name) {
                listing.names.push(name.clone());
            }
        }
        listing.fetched_at = self.fetched_at.get().copied();
        if let Some(state) = state.filter(|_| !self.is_of_one_part()) {
            state.keep_listing(&self.key(), &listing)?;
        }
        self.open_parts.store(names.len(), Ordering::Relaxed);
        let place =
            |name: &String| listing.names.iter().position(|listed| listed == name).unwrap_or_default();
        let part = |name: String| Part {
            harvest: self,
            first_page: u32::try_from(place(&name)).unwrap_or(u32::MAX).saturating_mul(PAGES_A_PART),
            name,
        };
        Ok(names.into_iter().map(part).collect())
    }

    /// Why nothing came, when that was known before the first part was walked.
    pub fn with_fault<T>(&self, look: impl FnOnce(Option<&Fault>) -> T) -> T {
        look(self.got().fault.as_ref())
    }

    fn is_of_one_part(&self) -> bool {
        self.collector.span() != Span::Range
    }

    /// What the harvest is called in the state of a run.
    fn key(&self) -> String {
        let Unit { scope, since, until } = self.unit;
        format!("{} {scope} {since} {until}", self.collector.name())
    }

    /// Notes that a part is over; true when it was the last one.
    pub fn finish_part(&self) -> bool {
        self.open_parts.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Notes why it is not whole; the first reason counts.
    pub fn fail(&self, fault: Fault) {
        self.got().fault.get_or_insert(fault);
    }

    /// The coverage lines, when all parts are over.
    pub fn coverage(&self) -> Vec<Coverage> {
        let got = self.got();
        let fetched_at = self.fetched_at.get().copied();
        let days: Vec<Day> = match self.collector.span() {
            Span::Snapshot => vec![fetched_at.map_or(self.today, Timestamp::day)],
            Span::Day | Span::Range => self.unit.since.through(self.unit.until).collect(),
            Span::Sum => vec![self.unit.until],
        };
        let line = |day: Day| {
            let rows = got.rows.get(&day).copied().unwrap_or(0);
            let unreadable = got.unreadable.get(&day).copied().unwrap_or(0);
            let doubt = fetched_at.and_then(|at| self.doubt(day, (rows, unreadable), at));
            let status = match &got.fault {
                _ if got.is_skipped => Status::Skipped,
                None if got.flaw.is_some() || doubt.is_some() => Status::Partial,
                None => Status::Complete,
                Some(_) if rows > 0 || got.whole_parts > 0 => Status::Partial,
                Some(Fault::Denied(_)) => Status::Denied,
                Some(Fault::Unsupported(_)) => Status::Unsupported,
                Some(_) => Status::Failed,
            };
            let fault = got.fault.as_ref().map(|fault| fault.text().to_owned());
            let rows_are_told = matches!(status, Status::Complete | Status::Partial);
            Coverage {
                collector: self.collector.name().to_owned(),
                instance: self.instance.to_owned(),
                scope: self.unit.scope.to_owned(),
                day,
                status,
                rows: rows_are_told.then_some(rows),
                fetched_at,
                reason: fault
                    .or_else(|| got.flaw.clone())
                    .or(doubt)
                    .or_else(|| got.is_skipped.then(|| "left out by --every".to_owned()))
                    .or_else(|| got.why_unreadable(unreadable)),
                unreadable: if rows_are_told { unreadable } else { 0 },
                key_check: None,
                shrunk: false,
                named: self.is_named,
            }
        };
        days.into_iter().map(line).collect()
    }

    /// Adds a part that arrived whole.
    fn add(&self, note: &Note) {
        let mut got = self.got();
        got.add(note);
        got.whole_parts += 1;
    }

    /// Whether all that was asked for was over at this moment.
    fn is_over(&self, at: Timestamp) -> bool {
        self.collector.span() == Span::Snapshot || self.unit.until.is_over(at)
    }

    /// Why a day is not whole although every page of it arrived.
    fn doubt(&self, day: Day, (rows, unreadable): (u64, u64), at: Timestamp) -> Option<String> {
        if rows == 0 && unreadable > 0 {
            // Nothing is known of such a day: that it had no rows is not so.
            Some("GitLab could not return a single row of it".to_owned())
        } else if self.collector.span() == Span::Snapshot {
            None
        } else if !day.is_over(at) {
            Some("the day was not over".to_owned())
        } else if rows == 0
            && self.collector.about().keeps_days.is_some_and(|days| at.day().days_since(day) > days)
        {
            Some(
                "GitLab may have forgotten: without ClickHouse it keeps usage events for three months"
                    .to_owned(),
            )
        } else {
            None
        }
    }

    /// The day a node counts for, of those asked for. A node that cannot be read may well be of the day it came
    /// with: counting it there makes the day incomplete until somebody has looked at it.
    fn day_of(&self, node: &RawValue, asked: Day, at: Timestamp) -> Option<Day> {
        let origin = Origin {
            instance: self.instance.into(),
            collector: self.collector.name().into(),
            scope: self.unit.scope.into(),
            day: asked,
            fetched_at: at,
            row: Row { page: 0, index: 0 },
        };
        match (self.collector.read(node.get(), origin, self.unit.since), self.collector.span()) {
            (Err(_), _) | (Ok(_), Span::Snapshot) => Some(asked),
            (Ok(record), Span::Day | Span::Sum) => record.is_of_its_day().then_some(asked),
            (Ok(record), Span::Range) => {
                record.days().find(|day| (self.unit.since..=self.unit.until).contains(day))
            }
        }
    }

    fn got(&self) -> MutexGuard<'_, Got> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part<'_> {
    /// What the part is called in the state of a run.
    fn key(&self) -> String {
        format!("{} {}", self.harvest.key(), self.name)
    }

    /// Takes over what an earlier try got; true when it got the whole part. Has to be asked of every part before the
    /// first one is walked, since all lines of a harvest are of one moment.
    pub fn take_over<W: Write>(&self, state: &State, output: &Output<W>) -> Result<bool, Error> {
        let Some(Stored { lines, note }) = state.stored(&self.key())? else { return Ok(false) };
        if let Some(fetched_at) = note.fetched_at {
            self.harvest.fetched_at.get_or_init(|| fetched_at);
        }
        for line in lines {
            output.write_text(self.harvest.collector.name(), format!("{line}\n").as_bytes())?;
        }
        self.harvest.add(&note);
        Ok(true)
    }

    /// Walks through GitLab's answers and writes the raw lines, to the state too when there is one.
    pub fn walk<W: Write>(
        &self,
        gitlab: &dyn GraphQl,
        output: &Output<W>,
        state: Option<&State>,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let stored = state.map(|state| state.start(&self.key())).transpose().map_err(Fault::Sink)?;
        let note = Note::default();
        let page = self.first_page;
        let mut walk = Walk { harvest: self.harvest, output, progress, stored, page, note, line: Vec::new() };
        let result = self.harvest.collector.collect(gitlab, &self.harvest.unit, &self.name, &mut walk);
        let Walk { stored, mut note, .. } = walk;
        note.fetched_at = self.harvest.fetched_at.get().copied();
        if result.is_err() {
            self.harvest.got().add(&note);
            return result;
        }
        // What is not good enough is asked for again by the next try.
        let is_good = note.flaw.is_none() && note.fetched_at.is_some_and(|at| self.harvest.is_over(at));
        if let Some(stored) = stored.filter(|_| is_good) {
            stored.keep(&note).map_err(Fault::Sink)?;
        }
        self.harvest.add(&note);
        Ok(())
    }
}

struct Walk<'a, W> {
    harvest: &'a Harvest<'a>,
    output: &'a Output<W>,
    progress: &'a Progress,
    stored: Option<NewPart>,
    page: u32,
    note: Note,
    line: Vec<u8>,
}

impl<W: Write> Sink for Walk<'_, W> {
    fn page(&mut self, nodes: &[&RawValue], answer: &Answer) -> Result<(), Fault> {
        let harvest = self.harvest;
        let at = *harvest.fetched_at.get_or_init(|| answer.at);
        self.page =
            self.page.checked_add(1).ok_or_else(|| Fault::Answer("GitLab's pages do not end".to_owned()))?;
        let page = self.page;
        let asked = match harvest.collector.span() {
            Span::Snapshot => at.day(),
            Span::Day | Span::Range | Span::Sum => harvest.unit.until,
        };
        let mut by_day: BTreeMap<Day, Vec<&RawValue>> = BTreeMap::new();
        let mut nulls = 0;
        for node in nodes {
            if node.get() == "null" {
                nulls += 1;
                by_day.entry(asked).or_default().push(node);
                continue;
            }
            let day = harvest.day_of(node, asked, at);
            if let Some(day) = day {
                *self.note.rows.entry(day).or_default() += 1;
            }
            // Pages that were asked for by day stay whole; normalize leaves the nodes of other days to those days.
            if let Some(day) = day.or(harvest.is_of_one_day().then_some(asked)) {
                by_day.entry(day).or_default().push(node);
            }
        }
        for (day, nodes) in by_day {
            self.write(day, page, nodes, at).map_err(Fault::Sink)?;
        }
        if nulls > 0 {
            *self.note.unreadable.entry(asked).or_default() += nulls;
        }
        if let Some(errors) = &answer.node_errors {
            self.note.node_error.get_or_insert_with(|| errors.message.clone());
            // An error of a node that is there all the same is of something within it: what, cannot be known.
            if errors.nodes > nulls {
                self.note.flaw.get_or_insert_with(|| {
                    format!(
                        "GitLab leaves out parts of {}: {}",
                        counted(errors.nodes - nulls, "row"),
                        errors.message
                    )
                });
            }
        }
        self.progress.rows(nodes.len() as u64);
        Ok(())
    }
}

impl<W: Write> Walk<'_, W> {
    fn write(&mut self, day: Day, page: u32, nodes: Vec<&RawValue>, at: Timestamp) -> Result<(), Error> {
        let compact: Vec<Option<Box<RawValue>>> =
            nodes.iter().map(|node| without_line_breaks(node)).collect();
        let nodes = nodes.into_iter().zip(&compact).map(|(node, compact)| compact.as_deref().unwrap_or(node));
        let line = Raw {
            collector: self.harvest.collector.name().into(),
            instance: self.harvest.instance.into(),
            scope: self.harvest.unit.scope.into(),
            since: (self.harvest.collector.span() == Span::Sum).then_some(self.harvest.unit.since),
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
        self.output.write_text(self.harvest.collector.name(), &self.line)
    }
}

impl<W: Write> Output<W> {
    /// Lines to a stream and, with a folder, to a file for each of the collectors.
    pub fn new(
        stream: Option<W>,
        folder: Option<&Path>,
        collectors: impl Iterator<Item = &'static str>,
    ) -> Result<Output<W>, Error> {
        let mut files = BTreeMap::new();
        if let Some(folder) = folder {
            for collector in collectors {
                let file = NewFile::create(&folder.join(format!("{collector}.jsonl")))?;
                files.insert(collector, Mutex::new(LineWriter::new(file)));
            }
        }
        Ok(Output { stream: stream.map(|stream| Mutex::new(LineWriter::new(stream))), files })
    }

    /// Writes a line of a collector, whole, whoever else writes.
    pub fn write(&self, collector: &str, line: &impl serde::Serialize) -> Result<(), Error> {
        if let Some(file) = self.files.get(collector) {
            file.lock().unwrap_or_else(PoisonError::into_inner).write(line)?;
        }
        match &self.stream {
            Some(stream) => stream.lock().unwrap_or_else(PoisonError::into_inner).write(line),
            None => Ok(()),
        }
    }

    /// Writes a line that was built before, with its line break.
    pub fn write_text(&self, collector: &str, line: &[u8]) -> Result<(), Error> {
        if let Some(file) = self.files.get(collector) {
            file.lock().unwrap_or_else(PoisonError::into_inner).write_text(line)?;
        }
        match &self.stream {
            Some(stream) => stream.lock().unwrap_or_else(PoisonError::into_inner).write_text(line),
            None => Ok(()),
        }
    }

    /// Puts the files in their places and hands everything on.
    pub fn close(self) -> Result<(), Error> {
        for (_, file) in self.files {
            file.into_inner().unwrap_or_else(PoisonError::into_inner).into_inner().keep()?;
        }
        match self.stream {
            Some(stream) => stream.into_inner().unwrap_or_else(PoisonError::into_inner).flush(),
            None => Ok(()),
        }
    }
}

/// The node on one line, when it is not: white space between its tokens is taken out, everything else stays as
/// GitLab wrote it.
fn without_line_breaks(node: &RawValue) -> Option<Box<RawValue>> {
    if !node.get().contains(['\n', '\r']) {
        return None;
    }
    let (mut text, mut in_string, mut escaped) = (String::with_capacity(node.get().len()), false, false);
    for c in node.get().chars() {
        if in_string || !c.is_ascii_whitespace() {
            text.push(c);
        }
        match (in_string, escaped, c) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (_, false, '"') => in_string = !in_string,
            _ => {}
        }
    }
    RawValue::from_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_comes_on_one_line_and_otherwise_as_it_was() {
        let node = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        let pretty = node("{\n  \"a\" : \"x \\\" y\",\r\n\t\"b\": [1.0, \"\\\\\"]\n}");
        assert_eq!(without_line_breaks(&pretty).expect("changed").get(), r#"{"a":"x \" y","b":[1.0,"\\"]}"#);
        assert!(without_line_breaks(&node(r#"{"a": 1}"#)).is_none());
    }
}

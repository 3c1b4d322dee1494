//! Reads a stream and the history into rollups, and saves them to the history.

mod save;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;

use crate::aggregate::history::{self, Content, History, ReadError, RunIdentity};
use crate::aggregate::rollup::{Batch, LocalIds, PersonCounts, Reader, Rollups, Target, Usernames};
use crate::aggregate::view::{collected_for_subgroups, is_export};
use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, Outcome, display_path};
use crate::base::text::format_count;
use crate::collect::collectors::{Level, Span, by_name};
use crate::model::event::Event;
use crate::model::line::{self, Line, Record};
use crate::model::log_line::is_log_noise;
use crate::model::rollup::{RollupKind, UsageRollup};
use crate::normalize::pseudonym::{PseudonymKey, is_pseudonym};
use crate::stream::chunks::{Chunk, process_items, process_large_chunks};
use crate::stream::misplaced::{LineKind, Misplaced, Stage};
use crate::stream::rejects::{ChunkRejects, Rejects};
use crate::system::summary::Summary;

/// Everything read so far.
#[derive(Default)]
pub struct Intake {
    /// All counts.
    pub rollups: Rollups,
    /// Number of records and rollup lines in the stream.
    pub records: u64,
    threads: usize,
    keeps_records: bool,
    /// Records to save, except usage events, as lines with the time of their fetch.
    kept: BTreeMap<Target, BTreeSet<(Timestamp, String)>>,
    /// The check values of the pseudonym keys that the stream was normalized with, by instance.
    key_checks: BTreeSet<(String, String)>,
}

/// Why raw lines are rejected.
pub(crate) const RAW_LINE: &str = "a raw line; pipe it through \"duo-metrics normalize\" first";

/// How many events may wait to be counted.
const MAX_PENDING_EVENTS: usize = 1 << 14;

/// The content of one chunk of the stream.
struct ChunkContent {
    batch: Batch,
    /// Lines other than usage events, with their line numbers in the chunk.
    others: Vec<(u64, String)>,
    rejected: ChunkRejects,
    lines: u64,
    /// Number of optional fields that were dropped because they had the wrong type.
    dropped_fields: u64,
}

/// The type of a line that was added.
enum AddedLine {
    Record,
    Coverage,
    Other,
    /// A line of another stage. Without `normalize`, raw lines are lost, so they are rejected.
    Misplaced(LineKind),
}

/// The content of one file of the history.
struct FileContent {
    path: PathBuf,
    /// The counts. For a file that cannot be read, only the ids that were assigned before the
    /// error.
    batch: Batch,
    /// Everything except the counts, or why the file cannot be read.
    found: Result<Content, ReadError>,
}

impl Intake {
    /// Nothing read yet. `threads` is the number of readers; `keeps_records` is whether the records
    /// will be saved to a history.
    pub fn new(threads: usize, keeps_records: bool) -> Intake {
        Intake { threads, keeps_records, ..Intake::default() }
    }

    /// Keeps the people of user names, too.
    #[must_use]
    pub fn with_usernames(mut self) -> Intake {
        self.rollups.usernames = Some(Usernames::new());
        self
    }

    /// Reads records, rollup lines and coverage lines. `pass` also receives every record that is
    /// not a usage event.
    pub fn read_stream(
        &mut self,
        input: impl Read + Send,
        max_rejects: f64,
        summary: &mut Summary,
        mut pass: impl FnMut(&Record<'_>) -> Result<(), Error>,
    ) -> Result<Outcome, Error> {
        let mut rejects = Rejects::new(max_rejects);
        let mut misplaced = Misplaced::default();
        let (mut covered, mut unknown, mut dropped_fields, mut lines_before) = (0, 0, 0, 0);
        let (readers, mut local_ids) = self.workers();
        // Lines that are kept as text, and agent data, can be as large as the chunk.
        let is_large = |part: &ChunkContent| {
            !(part.others.is_empty() && part.rejected.is_empty()) || part.batch.has_many_extras()
        };
        process_large_chunks(input, readers, read_chunk, is_large, |reader, part| {
            self.records += part.batch.len();
            self.rollups.add_batch(part.batch, &mut local_ids[reader]);
            for (number, text) in part.others {
                match self.add_line(&text, &mut pass)? {
                    Ok(AddedLine::Record) => {}
                    Ok(AddedLine::Coverage) => covered += 1,
                    Ok(AddedLine::Other) => unknown += 1,
                    Ok(AddedLine::Misplaced(kind)) => {
                        misplaced.add(lines_before + number, kind);
                        match kind {
                            LineKind::Raw => rejects.add(lines_before + number, RAW_LINE),
                            _ => unknown += 1,
                        }
                    }
                    Err(reason) => rejects.add(lines_before + number, &reason),
                }
            }
            rejects.add_chunk(lines_before, &part.rejected);
            lines_before += part.lines;
            dropped_fields += part.dropped_fields;
            Ok(())
        })?;
        if let Some(error) = misplaced.error(Stage::Aggregate).filter(|_| self.records == 0) {
            return Err(error);
        }
        if dropped_fields > 0 {
            summary.message(format!("{} of the wrong type dropped", format_count(dropped_fields, "field")));
            summary.field("fields_dropped", dropped_fields);
        }
        if unknown > 0 {
            summary.message(format!("{} of other types skipped", format_count(unknown, "line")));
        }
        for (name, count) in [("records", self.records), ("rejected", rejects.count()), ("skipped", unknown)]
        {
            summary.field(name, count);
        }
        rejects.conclude(self.records + covered + unknown, summary)
    }

    /// Adds a line that is not a usage event. The inner error states why it is rejected.
    fn add_line(
        &mut self,
        text: &str,
        pass: &mut impl FnMut(&Record<'_>) -> Result<(), Error>,
    ) -> Result<Result<AddedLine, String>, Error> {
        let mut repaired_line = None;
        let line = match Line::parse_or_repair(text, &mut repaired_line) {
            Ok(line) => line,
            Err(reason) => return Ok(Err(reason)),
        };
        Ok(match line {
            Line::Record(record) => {
                self.records += 1;
                pass(&record)?;
                self.add(&record).map(|()| AddedLine::Record)
            }
            Line::Coverage(mut coverage) => {
                // The check value belongs to the run, not to the day.
                if let Some(check) = coverage.key_check.take() {
                    let instance = canonical(&coverage.instance).into_owned();
                    self.key_checks.insert((instance, check));
                }
                self.rollups.add_coverage(coverage);
                Ok(AddedLine::Coverage)
            }
            Line::Raw(_) => Ok(AddedLine::Misplaced(LineKind::Raw)),
            Line::Metric(_) => Ok(AddedLine::Misplaced(LineKind::Metric)),
            Line::FormerGroup(_) | Line::HistoryLoss(_) | Line::Rollup(_) | Line::Unknown => {
                Ok(AddedLine::Other)
            }
        })
    }

    /// Counts the usage events that `produce` passes on, each with the number of rows from its own
    /// row on that are equal to it.
    pub fn read_repeated<T>(
        &mut self,
        produce: impl FnOnce(&mut dyn FnMut(&Event<'_>, u32) -> Result<(), Error>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (mut reader, mut local_ids) = (Reader::default(), LocalIds::default());
        let mut pending = 0;
        let result = produce(&mut |event, rows| {
            reader.add_repeated(event, rows).map_err(|reason| Error::Bug(reason.to_owned()))?;
            self.records += u64::from(rows);
            pending += 1;
            if pending == MAX_PENDING_EVENTS {
                pending = 0;
                self.rollups.add_batch(reader.take_batch(), &mut local_ids);
            }
            Ok(())
        })?;
        self.rollups.add_batch(reader.take_batch(), &mut local_ids);
        Ok(result)
    }

    /// Adds a record, and keeps its text if there is a history.
    fn add(&mut self, record: &Record<'_>) -> Result<(), String> {
        self.rollups.add(record)?;
        if self.keeps_records {
            let target = self.rollups.target_of(record.origin());
            let text = serde_json::to_string(record).map_err(|error| error.to_string())?;
            self.kept.entry(target).or_default().insert((record.origin().fetched_at, text));
        }
        Ok(())
    }

    /// The identity of this run, for
    /// [`Identity::check`](crate::aggregate::history::Identity::check). `key` is the key from the
    /// settings: event exports have pseudonyms but no coverage lines with a check value.
    pub fn run_identity(&self, key: Option<&PseudonymKey>, named_groups: &[String]) -> RunIdentity {
        let symbols = &self.rollups.symbols;
        let mut run =
            RunIdentity { named_groups: named_groups.iter().cloned().collect(), ..RunIdentity::default() };
        let collected =
            self.rollups.targets().map(|target| (target.collector, (target.instance, target.scope)));
        let roots = collected_for_subgroups(symbols, collected);
        for target in self.rollups.targets() {
            let is_root = roots.contains(&(target.instance, target.scope));
            let collected = run.instances.entry(symbols.text(target.instance).to_owned()).or_default();
            if collects_groups(symbols.text(target.collector)) && !is_root {
                collected.groups.insert(symbols.text(target.scope).to_owned());
            }
        }
        for (instance, check) in &self.key_checks {
            run.instances.entry(instance.clone()).or_default().key_checks.insert(check.clone());
        }
        if let Some(key) = key {
            for (instance, forms) in self.id_forms() {
                if let (Some(collected), true) = (run.instances.get_mut(instance), forms.pseudonyms) {
                    collected.key_checks.insert(key.check(instance));
                }
            }
        }
        run
    }

    /// Fails if a GitLab instance has people both with ids and with pseudonyms: the two cannot be
    /// matched.
    pub fn check_people(&self) -> Result<(), Error> {
        let is_mixed = |(_, forms): &(&str, IdForms)| forms.ids && forms.pseudonyms;
        match self.id_forms().into_iter().find(is_mixed) {
            Some((instance, _)) => Err(Error::Configuration(format!(
                "some records or history files of {instance} have pseudonyms and others have user ids, so everyone would count twice; set DUO_METRICS_PSEUDONYM_KEY for \"duo-metrics normalize\" in every run or in none"
            ))),
            None => Ok(()),
        }
    }

    /// Whether any person has an id instead of a pseudonym.
    pub fn has_ids(&self) -> bool {
        self.id_forms().values().any(|forms| forms.ids)
    }

    fn id_forms(&self) -> BTreeMap<&str, IdForms> {
        let mut forms: BTreeMap<&str, IdForms> = BTreeMap::new();
        for (instance, user) in self.rollups.people.all() {
            let forms = forms.entry(self.rollups.symbols.text(instance)).or_default();
            if is_pseudonym(user) {
                forms.pseudonyms = true;
            } else {
                forms.ids = true;
            }
        }
        forms
    }

    /// The last day stored of a group.
    pub fn last_day(&self, instance: &str, scope: &str) -> Option<Day> {
        let symbols = &self.rollups.symbols;
        let (instance, scope) = (symbols.find(instance)?, symbols.find(scope)?);
        let of_scope = self.rollups.targets().filter(|target| {
            (target.instance, target.scope) == (instance, scope)
                && by_name(symbols.text(target.collector)).is_none_or(|known| known.span() != Span::Snapshot)
        });
        of_scope.map(|target| target.day).max()
    }

    /// Reads the history: its counts are added to those of the stream. Also prepares
    /// [`Intake::save`]. A file that cannot be read is moved aside and reported.
    pub fn read_history(&mut self, history: &History, summary: &mut Summary) -> Result<Outcome, Error> {
        let touched: BTreeSet<Target> = self.rollups.targets().collect();
        let paths: BTreeSet<PathBuf> = touched.iter().map(|target| self.path(history, *target)).collect();
        for target in touched {
            self.kept.entry(target).or_default();
        }
        let files = history.files()?.into_iter().map(Ok);
        let (readers, mut local_ids) = self.workers();
        let (mut damaged, mut newer) = (Vec::new(), None);
        process_items(files, readers, read_file, |reader, FileContent { path, batch, found }| {
            self.rollups.add_batch(batch, &mut local_ids[reader]);
            match found {
                Ok(content) => {
                    let is_touched = paths.contains(&path);
                    if let Err(reason) = self.add_content(content, is_touched) {
                        damaged.push((path, reason));
                    }
                }
                // A newer version wrote the file; it is not damaged.
                Err(reason @ ReadError::NewerVersion(_)) => newer = newer.take().or(Some((path, reason))),
                Err(ReadError::Damaged(reason)) => damaged.push((path, reason)),
            }
            Ok(())
        })?;
        if let Some((path, reason)) = newer {
            return Err(Error::Configuration(format!(
                "{}: {reason}; update duo-metrics",
                display_path(&path)
            )));
        }
        for (path, reason) in &damaged {
            let aside = history.move_aside(path)?;
            summary.warning(format!(
                "history: {}: {reason}; moved to {}; collect that day again while GitLab still has it",
                display_path(path),
                display_path(&aside)
            ));
        }
        summary.field("damaged_files", damaged.len());
        Ok(if damaged.is_empty() { Outcome::Complete } else { Outcome::Partial })
    }

    /// Sums all counts. Fails if parts of a fetch overlap or a sum overflows.
    pub fn finish(&mut self, summary: &mut Summary) -> Result<(), Error> {
        let fetches = self.rollups.fetches_mut().map(Ok);
        process_items(fetches, vec![(); self.threads], |(), fetch| fetch.finish(), |_, ()| Ok(()))?;
        let from_custom: u64 = self
            .rollups
            .arrived_by_collector()
            .filter(|(name, _)| by_name(name).is_none() && !is_export(name))
            .map(|(_, rows)| rows)
            .sum();
        if from_custom > 0 {
            summary.message(format!("{} from custom collectors", format_count(from_custom, "record")));
        }
        let text = |name| self.rollups.symbols.text(name);
        if let Some((target, fetched_at)) = self.rollups.too_large() {
            return Err(Error::Input(format!(
                "{} of {} on {}, fetched {fetched_at}: its counts or tokens overflow 64 bits; find and remove the records with impossible values",
                text(target.collector),
                text(target.scope),
                target.day
            )));
        }
        let Some((target, fetched_at)) = self.rollups.overlap() else { return Ok(()) };
        Err(Error::Input(format!(
            "{} of {} on {}, fetched {fetched_at}: its parts overlap, so more rows arrived than it has; aggregate the records themselves, or parts without common rows",
            text(target.collector),
            text(target.scope),
            target.day
        )))
    }

    fn workers(&self) -> (Vec<Reader>, Vec<LocalIds>) {
        let reader = || match self.rollups.usernames {
            Some(_) => Reader::with_usernames(),
            None => Reader::default(),
        };
        (0..self.threads).map(|_| (reader(), LocalIds::default())).unzip()
    }

    fn path(&self, history: &History, target: Target) -> PathBuf {
        let text = |name| self.rollups.symbols.text(name);
        history.path(text(target.instance), text(target.collector), text(target.scope), target.day)
    }

    /// Adds everything except the counts.
    fn add_content(&mut self, content: Content, is_touched: bool) -> Result<(), String> {
        for record in content.records {
            let Line::Record(parsed) = Line::parse(&record)? else {
                return Err("it contains a line of an unknown type".to_owned());
            };
            self.rollups.add(&parsed)?;
            if is_touched {
                let target = self.rollups.target_of(parsed.origin());
                self.kept.entry(target).or_default().insert((parsed.origin().fetched_at, record));
            }
        }
        content.coverage.into_iter().for_each(|coverage| self.rollups.add_coverage(coverage));
        Ok(())
    }
}

/// Which kinds of user ids an instance has.
#[derive(Clone, Copy, Default)]
struct IdForms {
    ids: bool,
    pseudonyms: bool,
}

/// Whether the groups of the settings, or the whole instance, are the scopes of a collector.
fn collects_groups(collector: &str) -> bool {
    match by_name(collector) {
        Some(known) => known.info().level != Level::Subscription,
        None => !is_export(collector),
    }
}

fn read_chunk(reader: &mut Reader, chunk: &Chunk) -> ChunkContent {
    let (mut others, mut rejected, mut dropped_fields) = (Vec::new(), ChunkRejects::default(), 0);
    let mut lines = chunk.lines();
    loop {
        while let Some(length) = lines.remaining().and_then(|rest| reader.decode_event_fast(rest)) {
            lines.advance(length);
        }
        let Some(line) = lines.next() else { break };
        let read = match line.text {
            Ok(text) => read_or_repair(reader, text, &mut dropped_fields),
            Err(reason) => Err(reason.to_owned()),
        };
        match read {
            Ok(None) => {}
            Ok(Some(text)) => others.push((line.number, text)),
            Err(reason) => rejected.add(line.number, &reason),
        }
    }
    ChunkContent { batch: reader.take_batch(), others, rejected, lines: lines.lines_read(), dropped_fields }
}

/// Counts a line, after repairing it if necessary. Returns the text of a line that is not counted
/// here.
fn read_or_repair(
    reader: &mut Reader,
    text: &str,
    dropped_fields: &mut u64,
) -> Result<Option<String>, String> {
    match reader.parse(text) {
        Ok(other) => Ok(other.map(|_| text.to_owned())),
        // Counted with the lines of other types.
        Err(_) if is_log_noise(text) => Ok(Some(text.to_owned())),
        Err(reason) => {
            let repaired = line::repair(text).ok_or(reason)?;
            let is_other = reader.parse(&repaired.text)?.is_some();
            *dropped_fields += repaired.dropped_fields;
            Ok(is_other.then_some(repaired.text))
        }
    }
}

fn read_file(reader: &mut Reader, path: PathBuf) -> FileContent {
    let found = history::read(&path).and_then(|content| {
        let people = reader.people_ids(&content.head.instance, &content.people.users);
        for counts in &content.counts {
            let rollup = UsageRollup {
                kind: RollupKind::Usage,
                instance: content.head.instance.as_str().into(),
                collector: content.head.collector.as_str().into(),
                scope: content.head.scope.as_str().into(),
                day: content.head.day,
                fetched_at: counts.fetched_at,
                part: counts.part.as_str().into(),
                user: "".into(),
                bot: false,
                event: counts.event.as_str().into(),
                feature: counts.feature.as_str().into(),
                language: counts.language.as_deref().map(Into::into),
                ide: counts.ide.as_deref().map(Into::into),
                events: 0,
                sized: 0,
                lines: 0,
            };
            let bots = content.people.bots_by(counts.fetched_at);
            let entries = counts.entries().map(|(index, usage)| {
                let bot = !bots.is_empty() && bots.contains(&index);
                PersonCounts { index, bot, usage }
            });
            reader.add_counts(&rollup, &people, entries)?;
        }
        for line in &content.agents {
            if reader.read(line)?.is_some() {
                return Err("it contains a line of an unknown kind".into());
            }
        }
        Ok(content)
    });
    let batch = reader.take_batch();
    // A damaged file has no counts, but the reader keeps the ids that it assigned.
    FileContent { path, batch: if found.is_ok() { batch } else { batch.without_counts() }, found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::history::{CountsLine, Head, PeopleTable};
    use crate::aggregate::rollup::{Fetch, PersonId, Usage};
    use crate::system::files::FileChanges;

    fn content(day: &str, user: &str, agents: &str) -> Content {
        let day: crate::base::calendar::Day = day.parse().expect("a literal day");
        let instance = "https://gitlab.example.com".to_owned();
        let (collector, scope) = ("usage_events".to_owned(), "acme".to_owned());
        Content {
            head: Head { version: 2, instance, collector, scope, day },
            coverage: Vec::new(),
            people: PeopleTable { users: vec![user.to_owned()], ..PeopleTable::default() },
            counts: vec![CountsLine {
                fetched_at: day.plus(1).midnight(),
                part: user.to_owned(),
                event: format!("event_of_{user}"),
                feature: "chat".to_owned(),
                language: None,
                ide: None,
                counts: vec![0, 7],
                sized: Vec::new(),
            }],
            agents: agents.lines().map(str::to_owned).collect(),
            records: BTreeSet::new(),
        }
    }

    #[test]
    fn a_damaged_file_does_not_affect_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = History::open(folder.path()).expect("it can be made");
        let mut changes = FileChanges::default();
        let damaged = content("2026-10-01", "ana", r#"{"type":"rollup","kind":"of_tomorrow"}"#);
        let damaged = history.write(&damaged, &mut changes);
        let intact = history.write(&content("2026-10-02", "ben", ""), &mut changes);
        changes.apply().expect("they can be written");
        let (mut rollups, mut reader, mut local_ids) =
            (Rollups::default(), Reader::default(), LocalIds::default());
        let mut found = Vec::new();
        for path in [damaged, intact].map(|path| path.expect("it can be written")) {
            let read = read_file(&mut reader, path);
            rollups.add_batch(read.batch, &mut local_ids);
            found.push(read.found.is_ok());
        }
        assert_eq!(found, [false, true]);
        rollups.fetches_mut().for_each(Fetch::finish);
        let counted: Vec<(&str, &str, u64)> = rollups
            .fetches
            .values()
            .flat_map(BTreeMap::values)
            .flat_map(Fetch::usage)
            .flat_map(|(cell, entries)| entries.map(move |(person, usage)| (cell, person, usage)))
            .map(|(cell, person, usage): (_, PersonId, Usage)| {
                let event = rollups.symbols.text(rollups.cells.cell(cell).event);
                (rollups.people.user(person), event, usage.events)
            })
            .collect();
        assert_eq!(counted, [("ben", "event_of_ben", 7)]);
    }
}

//! Reading what was collected, from a stream and from the history, into rollups, and keeping it in the history.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;

use crate::aggregate::history::{self, Content, Counts, Crowd, Head, History, Run};
use crate::aggregate::rollup::{
    Batch, CrowdCounts, Fetch, Meanings, PersonId, Reader, Rollups, Target, Usage,
};
use crate::aggregate::view::{Resolved, is_export};
use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, Outcome, shown};
use crate::base::text::counted;
use crate::collect::collectors::{Level, Span, by_name};
use crate::model::event::Event;
use crate::model::line::{self, Line, Record};
use crate::model::log_line::is_furniture;
use crate::model::record::{Coverage, RollupKind, UsageRollup};
use crate::normalize::pseudonym::{PseudonymKey, is_pseudonym};
use crate::stream::chunks::{Chunk, read_through, side_by_side};
use crate::stream::rejects::Rejects;
use crate::system::summary::Summary;

/// What was read so far.
#[derive(Default)]
pub struct Intake {
    /// Everything, counted.
    pub rollups: Rollups,
    /// How many records and rollup lines came with the stream.
    pub records: u64,
    threads: usize,
    keeps: bool,
    /// Of what is to be kept, the records that are no usage events, as lines with the moment of their fetch.
    kept: BTreeMap<Target, BTreeSet<(Timestamp, String)>>,
    /// The check values of the pseudonym keys that the stream was normalized with, by instance.
    key_checks: BTreeSet<(String, String)>,
}

/// How many events that were handed over may wait to be counted.
const MOST_WAITING: usize = 1 << 14;

/// What was found in a chunk of the stream.
struct PartRead {
    batch: Batch,
    /// Lines that are no usage events, with their numbers in the chunk.
    others: Vec<(u64, String)>,
    rejected: Vec<(u64, String)>,
    lines: u64,
    /// Fields without a use that were left out.
    left_out: u64,
}

/// What was found in a file of the history.
struct FileRead {
    path: PathBuf,
    /// The counts; of a file that cannot be read only what was numbered on the way.
    batch: Batch,
    /// Everything else, or why the file cannot be read.
    found: Result<Content, String>,
}

impl Intake {
    /// Nothing yet; so many threads will read, and what comes is kept for a history or not.
    pub fn new(threads: usize, keeps: bool) -> Intake {
        Intake { threads, keeps, ..Intake::default() }
    }

    /// Reads records, rollup and coverage lines. Records that are no usage events are handed to `pass` too.
    pub fn read_stream(
        &mut self,
        input: impl Read + Send,
        max_rejects: f64,
        summary: &mut Summary,
        mut pass: impl FnMut(&Record<'_>) -> Result<(), Error>,
    ) -> Result<Outcome, Error> {
        let mut rejects = Rejects::new(max_rejects);
        let (mut covered, mut unknown, mut left_out, mut lines_before) = (0, 0, 0, 0);
        let (readers, mut meanings) = self.workers();
        // Lines that are kept as they are can be as large as the chunk, and so can what is told of agents.
        let is_large = |part: &PartRead| {
            !(part.others.is_empty() && part.rejected.is_empty()) || part.batch.tells_much()
        };
        read_through(input, readers, read_chunk, is_large, |reader, part| {
            self.records += part.batch.len();
            self.rollups.take(part.batch, &mut meanings[reader]);
            for (number, text) in part.others {
                let mut room = None;
                let added = match Line::parse_or_repair(&text, &mut room) {
                    Ok(Line::Record(record)) => {
                        self.records += 1;
                        pass(&record)?;
                        self.add(&record)
                    }
                    Ok(Line::Coverage(mut coverage)) => {
                        // It is of the way here, and not of the day.
                        if let Some(check) = coverage.key_check.take() {
                            let instance = canonical(&coverage.instance).into_owned();
                            self.key_checks.insert((instance, check));
                        }
                        self.rollups.cover(coverage);
                        covered += 1;
                        Ok(())
                    }
                    Ok(Line::Raw(_)) => {
                        Err("a raw line; pipe it through \"duo-metrics normalize\" first".to_owned())
                    }
                    Ok(Line::Metric(_) | Line::FormerGroup(_) | Line::Rollup(_) | Line::Unknown) => {
                        unknown += 1;
                        Ok(())
                    }
                    Err(reason) => Err(reason),
                };
                if let Err(reason) = added {
                    rejects.add(lines_before + number, &reason);
                }
            }
            part.rejected.iter().for_each(|(number, reason)| rejects.add(lines_before + number, reason));
            lines_before += part.lines;
            left_out += part.left_out;
            Ok(())
        })?;
        if left_out > 0 {
            summary.say(format!("{} of the wrong type dropped", counted(left_out, "field")));
            summary.field("fields_dropped", left_out);
        }
        if unknown > 0 {
            summary.say(format!(
                "{} of a type that aggregate does not read passed over",
                counted(unknown, "line")
            ));
        }
        for (name, count) in [("records", self.records), ("rejected", rejects.count()), ("skipped", unknown)]
        {
            summary.field(name, count);
        }
        rejects.conclude(self.records + covered + unknown, summary)
    }

    /// Takes usage events that `tell` hands over, each with how many rows from its own on say the same.
    pub fn read_alike<T>(
        &mut self,
        tell: impl FnOnce(&mut dyn FnMut(&Event<'_>, u32) -> Result<(), Error>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (mut reader, mut meanings) = (Reader::default(), Meanings::default());
        let mut waiting = 0;
        let told = tell(&mut |event, rows| {
            reader.add_alike(event, rows).map_err(|reason| Error::Bug(reason.to_owned()))?;
            self.records += u64::from(rows);
            waiting += 1;
            if waiting == MOST_WAITING {
                waiting = 0;
                self.rollups.take(reader.batch(), &mut meanings);
            }
            Ok(())
        })?;
        self.rollups.take(reader.batch(), &mut meanings);
        Ok(told)
    }

    /// Adds a record, and keeps it when there is a history.
    fn add(&mut self, record: &Record<'_>) -> Result<(), String> {
        self.rollups.add(record)?;
        if self.keeps {
            let target = self.rollups.target_of(record.origin());
            let text = serde_json::to_string(record).map_err(|error| error.to_string())?;
            self.kept.entry(target).or_default().insert((record.origin().fetched_at, text));
        }
        Ok(())
    }

    /// What the stream is of, for [`Identity::check`](crate::aggregate::history::Identity::check). The key of the settings counts for
    /// pseudonyms of event exports, which have no coverage lines.
    pub fn run(&self, key: Option<&PseudonymKey>, named_groups: &[String]) -> Run {
        let names = &self.rollups.names;
        let mut run = Run { named_groups: named_groups.iter().cloned().collect(), ..Run::default() };
        for target in self.rollups.targets() {
            let brought = run.instances.entry(names.text(target.instance).to_owned()).or_default();
            if is_asked_of_groups(names.text(target.collector)) {
                brought.groups.insert(names.text(target.scope).to_owned());
            }
        }
        for (instance, check) in &self.key_checks {
            run.instances.entry(instance.clone()).or_default().key_checks.insert(check.clone());
        }
        if let Some(key) = key {
            for (instance, forms) in self.forms_of_people() {
                if let (Some(brought), true) = (run.instances.get_mut(instance), forms.pseudonyms) {
                    brought.key_checks.insert(key.check(instance));
                }
            }
        }
        run
    }

    /// Fails where people of a GitLab are kept both by their ids and by pseudonyms: nothing links the two.
    pub fn check_people(&self) -> Result<(), Error> {
        let is_mixed = |(_, forms): &(&str, Forms)| forms.ids && forms.pseudonyms;
        match self.forms_of_people().into_iter().find(is_mixed) {
            Some((instance, _)) => Err(Error::Configuration(format!(
                "people of {instance} have pseudonyms in a part of the records and history and ids in another, so everyone would count twice; set DUO_METRICS_PSEUDONYM_KEY for \"duo-metrics normalize\" in every run or in none"
            ))),
            None => Ok(()),
        }
    }

    fn forms_of_people(&self) -> BTreeMap<&str, Forms> {
        let mut forms: BTreeMap<&str, Forms> = BTreeMap::new();
        for (instance, user) in self.rollups.people.all() {
            let forms = forms.entry(self.rollups.names.text(instance)).or_default();
            match is_pseudonym(user) {
                true => forms.pseudonyms = true,
                false => forms.ids = true,
            }
        }
        forms
    }

    /// The last day that is kept of a group.
    pub fn last_day(&self, instance: &str, scope: &str) -> Option<Day> {
        let names = &self.rollups.names;
        let (instance, scope) = (names.find(instance)?, names.find(scope)?);
        let of_group = self.rollups.targets().filter(|target| {
            (target.instance, target.scope) == (instance, scope)
                && by_name(names.text(target.collector)).is_none_or(|known| known.span() != Span::Snapshot)
        });
        of_group.map(|target| target.day).max()
    }

    /// Reads the history: everything in it counts beside what was read before. What was read before is also made ready
    /// for [`Intake::save`]. A file that cannot be read is set aside and named.
    pub fn read_history(&mut self, history: &History, summary: &mut Summary) -> Result<Outcome, Error> {
        let touched: BTreeSet<Target> = self.rollups.targets().collect();
        let paths: BTreeSet<PathBuf> = touched.iter().map(|target| self.path(history, *target)).collect();
        for target in touched {
            self.kept.entry(target).or_default();
        }
        let files = history.files()?.into_iter().map(Ok);
        let (readers, mut meanings) = self.workers();
        let (mut damaged, mut newer) = (Vec::new(), None);
        side_by_side(files, readers, read_file, |reader, FileRead { path, batch, found }| {
            self.rollups.take(batch, &mut meanings[reader]);
            match found {
                Ok(content) => {
                    let is_touched = paths.contains(&path);
                    if let Err(reason) = self.add_content(content, is_touched) {
                        damaged.push((path, reason));
                    }
                }
                // Nothing is wrong with a file that a newer version wrote.
                Err(reason) if reason.contains(history::NEWER) => {
                    newer = newer.take().or(Some((path, reason)))
                }
                Err(reason) => damaged.push((path, reason)),
            }
            Ok(())
        })?;
        if let Some((path, reason)) = newer {
            return Err(Error::Configuration(format!("{}: {reason}; update duo-metrics", shown(&path))));
        }
        for (path, reason) in &damaged {
            let aside = history.set_aside(path)?;
            summary.say(format!(
                "history: {}: {reason}; set aside as {}; collect that day again while GitLab has it",
                shown(path),
                shown(&aside)
            ));
        }
        summary.field("damaged_files", damaged.len());
        Ok(if damaged.is_empty() { Outcome::Complete } else { Outcome::Partial })
    }

    /// Sums what was read. The error names parts that cannot be put together.
    pub fn finish(&mut self, summary: &mut Summary) -> Result<(), Error> {
        let fetches = self.rollups.fetches_mut().map(Ok);
        side_by_side(fetches, vec![(); self.threads], |(), fetch| fetch.finish(), |_, ()| Ok(()))?;
        let of_nobody: u64 = self
            .rollups
            .arrived_by_collector()
            .filter(|(name, _)| by_name(name).is_none() && !is_export(name))
            .map(|(_, rows)| rows)
            .sum();
        if of_nobody > 0 {
            summary.say(format!("{} of collectors that are not built in", counted(of_nobody, "record")));
        }
        let text = |name| self.rollups.names.text(name);
        if let Some((target, fetched_at)) = self.rollups.too_large() {
            return Err(Error::Input(format!(
                "{} of {} on {}, fetched {fetched_at}: its counts or tokens add up to more than a number can hold; find the records with impossible numbers, and leave them out",
                text(target.collector),
                text(target.scope),
                target.day
            )));
        }
        let Some((target, fetched_at)) = self.rollups.overlap() else { return Ok(()) };
        Err(Error::Input(format!(
            "{} of {} on {}, fetched {fetched_at}: its parts were counted from rows that overlap, so more arrived than there are; aggregate the records themselves, or parts that share no row",
            text(target.collector),
            text(target.scope),
            target.day
        )))
    }

    /// Keeps what the stream brought: of each collector, scope and day the fetch that counts, and what of newer ones is
    /// there so far.
    pub fn save(&self, resolved: &Resolved<'_>, history: &History) -> Result<(), Error> {
        self.kept.keys().try_for_each(|target| history.write(&self.content(resolved, *target)?).map(drop))
    }

    fn workers(&self) -> (Vec<Reader>, Vec<Meanings>) {
        (0..self.threads).map(|_| (Reader::default(), Meanings::default())).unzip()
    }

    fn path(&self, history: &History, target: Target) -> PathBuf {
        let text = |name| self.rollups.names.text(name);
        history.path(text(target.instance), text(target.collector), text(target.scope), target.day)
    }

    /// Adds what is no count.
    fn add_content(&mut self, content: Content, is_touched: bool) -> Result<(), String> {
        for record in content.records {
            let Line::Record(parsed) = Line::parse(&record)? else {
                return Err("it holds a line of an unknown type".to_owned());
            };
            self.rollups.add(&parsed)?;
            if is_touched {
                let target = self.rollups.target_of(parsed.origin());
                self.kept.entry(target).or_default().insert((parsed.origin().fetched_at, record));
            }
        }
        content.coverage.into_iter().for_each(|coverage| self.rollups.cover(coverage));
        Ok(())
    }

    /// What a file is to hold.
    fn content(&self, resolved: &Resolved<'_>, target: Target) -> Result<Content, Error> {
        let fetches = self.rollups.fetches.get(&target);
        let counted = resolved.counted(target);
        let is_kept = |at: &Timestamp, fetch: &Fetch| {
            counted.is_none_or(|counted| {
                *at == counted || (*at > counted && !fetch.is_whole() && fetch.arrived() > 0)
            })
        };
        let kept: BTreeMap<Timestamp, &Fetch> = fetches
            .into_iter()
            .flatten()
            .filter(|(at, fetch)| is_kept(at, fetch))
            .map(|(at, fetch)| (*at, fetch))
            .collect();
        let mut coverage: Vec<Coverage> = kept.values().filter_map(|fetch| fetch.declared.clone()).collect();
        if counted.is_none() {
            coverage.extend(self.rollups.coverage_unanswered(target));
        }
        let (crowd, counts) = self.counts(&kept);
        let agents = self.agents(target, &kept)?;
        let text = |name| self.rollups.names.text(name).to_owned();
        let head = Head {
            version: Head::version(!agents.is_empty()),
            instance: text(target.instance),
            collector: text(target.collector),
            scope: text(target.scope),
            day: target.day,
        };
        let records = self.kept.get(&target).into_iter().flatten();
        let records = records.filter(|(at, _)| kept.contains_key(at)).map(|(_, record)| record.clone());
        Ok(Content { head, coverage, crowd, counts, agents, records: records.collect() })
    }

    /// What these fetches tell of agents, as rollup lines.
    fn agents(&self, target: Target, kept: &BTreeMap<Timestamp, &Fetch>) -> Result<BTreeSet<String>, Error> {
        let fetches = kept.iter().map(|(at, fetch)| (*at, *fetch));
        let (sessions, counts) = self.rollups.agents_of(target, fetches);
        let sessions = sessions.iter().map(serde_json::to_string);
        let lines: Result<_, _> = sessions.chain(counts.iter().map(serde_json::to_string)).collect();
        lines.map_err(|error| Error::Bug(format!("cannot build a line: {error}")))
    }

    fn counts(&self, kept: &BTreeMap<Timestamp, &Fetch>) -> (Crowd, Vec<Counts>) {
        let Rollups { names, people, cells, .. } = &self.rollups;
        let everybody = kept.values().flat_map(|fetch| fetch.usage()).flat_map(|(_, entries)| entries);
        let mut crowd: Vec<_> = everybody.map(|(person, _)| person).collect();
        crowd.sort_unstable();
        crowd.dedup();
        crowd.sort_unstable_by_key(|person| people.user(*person));
        let places: BTreeMap<_, u64> = crowd.iter().copied().zip(0..).collect();
        let mut lines = Vec::new();
        for (fetched_at, fetch) in kept {
            for (part, tally) in fetch.parts() {
                for (cell, entries) in tally {
                    let cell = cells.cell(cell);
                    let mut entries: Vec<(u64, Usage)> =
                        entries.map(|(person, usage)| (places[&person], usage)).collect();
                    entries.sort_unstable_by_key(|(place, _)| *place);
                    let mut line = Counts {
                        fetched_at: *fetched_at,
                        part: part.to_string(),
                        event: names.text(cell.event).to_owned(),
                        feature: names.text(cell.feature).to_owned(),
                        language: cell.language.map(|language| names.text(language).to_owned()),
                        ide: cell.ide.map(|ide| names.text(ide).to_owned()),
                        counts: Vec::new(),
                        sized: Vec::new(),
                    };
                    let (mut last, mut last_sized) = (0, 0);
                    for (place, usage) in entries {
                        if usage.sized == 0 {
                            line.counts.extend([place - last, usage.events]);
                            last = place;
                        } else {
                            line.sized.extend([place - last_sized, usage.events, usage.sized, usage.lines]);
                            last_sized = place;
                        }
                    }
                    lines.push(line);
                }
            }
        }
        lines.sort_unstable();
        let (bots, bots_of) = bots_by_place(&crowd, kept);
        let users = crowd.iter().map(|person| people.user(*person).to_owned()).collect();
        let crowd_line = Crowd { users, bots, bots_of };
        (crowd_line, lines)
    }
}

/// In which forms people are there.
#[derive(Clone, Copy, Default)]
struct Forms {
    ids: bool,
    pseudonyms: bool,
}

/// Whether a collector is asked of the groups that the settings name, or of the instance in their place.
fn is_asked_of_groups(collector: &str) -> bool {
    match by_name(collector) {
        Some(known) => known.about().level != Level::Subscription,
        None => !is_export(collector),
    }
}

/// Who of a crowd is a bot by every one of these fetches that counts events of theirs, and who by some of them alone, by their
/// places.
fn bots_by_place(
    crowd: &[PersonId],
    kept: &BTreeMap<Timestamp, &Fetch>,
) -> (Vec<u32>, BTreeMap<Timestamp, Vec<u32>>) {
    let mut bots = Vec::new();
    let mut bots_of: BTreeMap<Timestamp, Vec<u32>> = BTreeMap::new();
    for (person, place) in crowd.iter().zip(0..) {
        let is_bot_by = |fetch: &Fetch| fetch.bots.contains(person);
        if !kept.values().any(|fetch| is_bot_by(fetch)) {
            continue;
        }
        let counts = |fetch: &Fetch| {
            fetch.usage().any(|(_, mut entries)| entries.any(|(counted, _)| counted == *person))
        };
        if kept.values().all(|fetch| is_bot_by(fetch) || !counts(fetch)) {
            bots.push(place);
            continue;
        }
        for (at, _) in kept.iter().filter(|(_, fetch)| is_bot_by(fetch)) {
            bots_of.entry(*at).or_default().push(place);
        }
    }
    (bots, bots_of)
}

fn read_chunk(reader: &mut Reader, chunk: &Chunk) -> PartRead {
    let (mut others, mut rejected, mut left_out) = (Vec::new(), Vec::new(), 0);
    let mut lines = chunk.lines();
    loop {
        while let Some(length) = lines.rest().and_then(|rest| reader.read_plain_event(rest)) {
            lines.pass(length);
        }
        let Some(line) = lines.next() else { break };
        let read = match line.text {
            Ok(text) => read_or_repair(reader, text, &mut left_out),
            Err(reason) => Err(reason.to_owned()),
        };
        match read {
            Ok(None) => {}
            Ok(Some(text)) => others.push((line.number, text)),
            Err(reason) => rejected.push((line.number, reason)),
        }
    }
    PartRead { batch: reader.batch(), others, rejected, lines: lines.count_so_far(), left_out }
}

/// Counts a line, also one that has to be repaired; returns the text of one that is not counted here.
fn read_or_repair(reader: &mut Reader, text: &str, left_out: &mut u64) -> Result<Option<String>, String> {
    match reader.parse(text) {
        Ok(other) => Ok(other.map(|_| text.to_owned())),
        // It is counted with the lines of other types.
        Err(_) if is_furniture(text) => Ok(Some(text.to_owned())),
        Err(reason) => {
            let repaired = line::repaired(text).ok_or(reason)?;
            let is_other = reader.parse(&repaired.text)?.is_some();
            *left_out += repaired.left_out;
            Ok(is_other.then_some(repaired.text))
        }
    }
}

fn read_file(reader: &mut Reader, path: PathBuf) -> FileRead {
    let found = history::read(&path).and_then(|content| {
        let crowd = reader.crowd(&content.head.instance, &content.crowd.users);
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
            let bots = content.crowd.bots_by(counts.fetched_at);
            let entries = counts.entries().map(|(place, usage)| {
                let bot = !bots.is_empty() && bots.contains(&place);
                CrowdCounts { place, bot, usage }
            });
            reader.add_counts(&rollup, &crowd, entries)?;
        }
        for line in &content.agents {
            if reader.read(line)?.is_some() {
                return Err("it holds a line of an unknown kind".to_owned());
            }
        }
        Ok(content)
    });
    let batch = reader.batch();
    // What was numbered for a file that turned out to be damaged keeps its number, without any count.
    FileRead { path, batch: if found.is_ok() { batch } else { batch.numbers_alone() }, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(day: &str, user: &str, agents: &str) -> Content {
        let day: crate::base::calendar::Day = day.parse().expect("a literal day");
        let instance = "https://gitlab.example.com".to_owned();
        let (collector, scope) = ("usage_events".to_owned(), "acme".to_owned());
        Content {
            head: Head { version: 2, instance, collector, scope, day },
            coverage: Vec::new(),
            crowd: Crowd { users: vec![user.to_owned()], ..Crowd::default() },
            counts: vec![Counts {
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
    fn a_file_that_is_damaged_in_its_last_line_leaves_the_next_one_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = History::open(folder.path()).expect("it can be made");
        let damaged =
            history.write(&content("2026-10-01", "ana", r#"{"type":"rollup","kind":"of_tomorrow"}"#));
        let whole = history.write(&content("2026-10-02", "ben", ""));
        let (mut rollups, mut reader, mut meanings) =
            (Rollups::default(), Reader::default(), Meanings::default());
        let mut found = Vec::new();
        for path in [damaged, whole].map(|path| path.expect("it can be written")) {
            let read = read_file(&mut reader, path);
            rollups.take(read.batch, &mut meanings);
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
                let event = rollups.names.text(rollups.cells.cell(cell).event);
                (rollups.people.user(person), event, usage.events)
            })
            .collect();
        assert_eq!(counted, [("ben", "event_of_ben", 7)]);
    }
}

//! `normalize`: one flat, typed, validated record a row; what cannot be read goes to the dead-letter file.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::aggregate::history::{History, KnownInstance};
use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, Outcome, shown};
use crate::base::text::counted;
use crate::cli::{NormalizeArgs, RecordFormat};
use crate::collect::collectors::{Collector, NodeKeys, by_name};
use crate::json::Elements;
use crate::model::canonical::canonicalize;
use crate::model::event_writer::EventWriter;
use crate::model::line::{self, Line, Record};
use crate::model::record::{Coverage, Origin, Row};
use crate::model::usage_event::UsageEvent;
use crate::normalize::documents::{Documents, Headings};
use crate::normalize::mapping::Mapping;
use crate::normalize::page::{Nodes, Page, PageReader};
use crate::normalize::pseudonym::PseudonymKey;
use crate::normalize::sources::{self, Found, Observed, Setting};
use crate::publish::export::RecordSheet;
use crate::stream::chunks::{Chunk, work_through};
use crate::stream::lines::{Line as InputLine, LineWriter};
use crate::stream::rejects::Rejects;
use crate::system::files::NewFile;
use crate::system::settings::Environment;
use crate::system::summary::Summary;
use crate::system::text_file;

/// What is to be done with people and with input that cannot be read.
pub struct Options {
    /// Replaces people, when set.
    pub pseudonyms: Option<PseudonymKey>,
    /// Share of rejected rows above which the input is refused, in percent.
    pub max_rejects: f64,
    /// How the nodes of collectors that are not built in become records.
    pub mappings: Vec<Mapping>,
    /// What is said about exported events that do not tell it.
    pub setting: Setting,
    /// How many threads read.
    pub threads: usize,
    /// How records are written.
    pub format: RecordFormat,
}

/// A rejected line or row, as the dead-letter file holds it.
#[derive(Serialize)]
#[serde(tag = "type", rename = "rejected")]
struct DeadLetter {
    line: u64,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<Row>,
    reason: String,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

/// Where rejected lines and rows go.
struct DeadLetters {
    file: Option<LineWriter<NewFile>>,
    with_content: bool,
}

/// Whether dead letters are kept, and what of them.
#[derive(Clone, Copy)]
struct Letters {
    keeps: bool,
    with_content: bool,
}

/// Where records go.
enum RecordOutput {
    Lines(LineWriter<Vec<u8>>, EventWriter),
    Sheet(Box<RecordSheet<Vec<u8>>>),
}

/// Buffers of this size or less are used again, in bytes.
const LONGEST_SPARE: usize = 1 << 20;

/// What reads, one a thread.
#[derive(Default)]
struct Reader {
    pages: PageReader,
    nodes: NodeKeys,
}

/// Runs the command.
pub fn run(
    args: &NormalizeArgs,
    environment: &Environment,
    stdin: impl Read + Send,
    stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let options = Options {
        pseudonyms: pseudonyms(
            environment,
            history_named(environment, args.history.history.as_deref())?.as_ref(),
        )?,
        max_rejects: args.rejects.max_rejects,
        mappings: mappings(&args.maps)?,
        setting: Setting {
            instance: environment.named_instance(args.url.as_deref())?.map(|url| url.as_str().to_owned()),
            scope: args
                .scope
                .as_ref()
                .map(|path| path.trim().trim_matches('/').to_owned())
                .filter(|path| !path.is_empty()),
        },
        threads: args.threads.count(),
        format: args.format,
    };
    let file = args.dead_letter.as_deref().map(NewFile::create).transpose()?;
    let dead_letters =
        DeadLetters { file: file.map(LineWriter::new), with_content: args.dead_letter_content };
    normalize_into(&options, stdin, stdout, dead_letters, summary)
}

/// The mappings in these files, one for a collector.
fn mappings(paths: &[PathBuf]) -> Result<Vec<Mapping>, Error> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for path in paths {
        let refused = |why| Error::Configuration(format!("{} cannot be used: {why}", shown(path)));
        let text = text_file::read(path)?;
        let mapping = Mapping::parse(&text).map_err(refused)?;
        if mappings.iter().any(|other| other.collector() == mapping.collector()) {
            return Err(refused(format!("there is a mapping of {} already", mapping.collector())));
        }
        mappings.push(mapping);
    }
    Ok(mappings)
}

/// The key in the environment, if there is one; with a history, of the addresses under which its pseudonyms were made.
pub fn pseudonyms(
    environment: &Environment,
    history: Option<&History>,
) -> Result<Option<PseudonymKey>, Error> {
    let Some(key) = environment.pseudonym_key()? else { return Ok(None) };
    let key = PseudonymKey::new(&key).ok_or_else(|| {
        Error::Usage(
            "DUO_METRICS_PSEUDONYM_KEY is too short to protect anybody; use 16 characters or more, made at random"
                .to_owned(),
        )
    })?;
    let identity = history.map(History::identity).transpose()?.unwrap_or_default();
    let former = |(address, known): (String, KnownInstance)| Some((address, known.pseudonyms_of?));
    Ok(Some(key.with_former_addresses(identity.instances.into_iter().filter_map(former).collect())))
}

/// The history that the settings name, where there is one already.
pub fn history_named(environment: &Environment, flag: Option<&Path>) -> Result<Option<History>, Error> {
    environment.history(flag).filter(|folder| folder.is_dir()).map(|folder| History::at(&folder)).transpose()
}

/// Reads raw lines and exports of events and writes records; coverage lines and records pass as they are.
pub fn normalize(
    options: &Options,
    input: impl Read + Send,
    output: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    normalize_into(options, input, output, DeadLetters { file: None, with_content: false }, summary)
}

fn normalize_into(
    options: &Options,
    input: impl Read + Send,
    mut output: impl Write,
    mut dead_letters: DeadLetters,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut rejects = Rejects::new(options.max_rejects);
    let mut outside_by_fetch: HashMap<Fetch, HashSet<Row>> = HashMap::new();
    let mut held_back: Vec<Coverage> = Vec::new();
    let mut total = Counts::default();
    let mut lines_before = 0;
    let input = Documents::new(input);
    let headings = input.headings();
    let letters = Letters { keeps: dead_letters.file.is_some(), with_content: dead_letters.with_content };
    let rules = Rules { options, headings: &headings, letters };
    // Buffers go round: fresh memory for every part would cost as much as writing it.
    let spare: Mutex<Vec<Vec<u8>>> = Mutex::default();
    let work = |reader: &mut Reader, chunk: &Chunk| {
        let buffer = spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        PartMade::of(chunk, reader, buffer, rules)
    };
    if options.format == RecordFormat::Csv {
        RecordSheet::heading(&mut output).map_err(Error::writing)?;
    }
    let workers = (0..options.threads).map(|_| Reader::default()).collect();
    work_through(input, workers, work, |_, mut part| {
        output.write_all(&part.output).map_err(Error::writing)?;
        part.output.clear();
        // One that a long line has blown up is let go.
        if part.output.capacity() <= LONGEST_SPARE {
            spare.lock().unwrap_or_else(PoisonError::into_inner).push(part.output);
        }
        part.rejected.iter().for_each(|(line, reason)| rejects.add(lines_before + line, reason));
        for mut letter in part.dead_letters {
            letter.line += lines_before;
            dead_letters.add(&letter)?;
        }
        for (fetch, row) in part.outside_of_mapped {
            outside_by_fetch.entry(fetch).or_default().insert(row);
        }
        held_back.extend(part.held_back);
        total.add(&part.counts);
        lines_before += part.lines;
        part.fault.map_or(Ok(()), Err)
    })?;
    // Only here it is known of which day the rows of a collector of one's own are: fetch counted all of them.
    let mut last = RecordOutput::new(options.format, Vec::new());
    for mut coverage in held_back {
        let rows = coverage.fetched_at.and_then(|at| {
            let Coverage { collector, instance, scope, day, .. } = &coverage;
            outside_by_fetch.get(&(collector.clone(), instance.clone(), scope.clone(), *day, at))
        });
        let outside = rows.map_or(0, |rows| rows.len() as u64);
        coverage.rows = coverage.rows.map(|rows| rows.saturating_sub(outside));
        last.write(&coverage)?;
    }
    output.write_all(&last.into_inner()?).and_then(|()| output.flush()).map_err(Error::writing)?;
    if let Some(file) = dead_letters.file {
        file.into_inner().keep()?;
    }
    let Counts { records, outside, left_out, passed, unknown, without_event, fields_dropped } = total;
    summary.say(format!(
        "{}, {} outside the day they came with, {} rejected",
        counted(records, "record"),
        counted(outside, "row"),
        counted(rejects.count(), "row")
    ));
    if left_out > 0 {
        summary.say(format!(
            "GitLab returned {} as null; the coverage lines count them",
            counted(left_out, "row")
        ));
    }
    if unknown > 0 {
        summary
            .say(format!("{} of a type that normalize does not read passed over", counted(unknown, "line")));
    }
    if without_event > 0 {
        summary.say(format!("{} without an event passed over", counted(without_event, "line")));
    }
    if fields_dropped > 0 {
        summary.say(format!("{} of the wrong type dropped", counted(fields_dropped, "field")));
    }
    for (name, count) in [
        ("records", records),
        ("outside_the_day", outside),
        ("rejected", rejects.count()),
        ("left_out", left_out),
        ("skipped", unknown + without_event),
        ("fields_dropped", fields_dropped),
    ] {
        summary.field(name, count);
    }
    rejects.conclude(records + outside + passed + unknown + without_event, summary)
}

/// How records are made, and what becomes of what cannot be read.
#[derive(Clone, Copy)]
struct Rules<'r> {
    options: &'r Options,
    headings: &'r Headings,
    letters: Letters,
}

/// A place in the making of a part.
struct Mark {
    output: usize,
    dead_letters: usize,
    outside_of_mapped: usize,
    counts: Counts,
}

/// How many rows and lines became what.
#[derive(Clone, Copy, Default)]
struct Counts {
    records: u64,
    outside: u64,
    left_out: u64,
    passed: u64,
    unknown: u64,
    without_event: u64,
    fields_dropped: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.records += other.records;
        self.outside += other.outside;
        self.left_out += other.left_out;
        self.passed += other.passed;
        self.unknown += other.unknown;
        self.without_event += other.without_event;
        self.fields_dropped += other.fields_dropped;
    }
}

/// What was made of a chunk of the stream. Line numbers count within it.
#[derive(Default)]
struct PartMade {
    /// Lines, as they are written.
    output: Vec<u8>,
    rejected: Vec<(u64, String)>,
    dead_letters: Vec<DeadLetter>,
    /// Rows of mapped collectors that are outside the day of their fetch.
    outside_of_mapped: Vec<(Fetch, Row)>,
    /// Coverage lines of mapped collectors.
    held_back: Vec<Coverage>,
    counts: Counts,
    lines: u64,
    lines_before: u64,
    fault: Option<Error>,
}

impl PartMade {
    fn of(chunk: &Chunk, reader: &mut Reader, buffer: Vec<u8>, rules: Rules<'_>) -> PartMade {
        let mut part = PartMade { lines_before: chunk.lines_before(), ..PartMade::default() };
        let mut output = RecordOutput::new(rules.options.format, buffer);
        let mut lines = chunk.lines();
        let taken = lines.try_for_each(|line| part.take(&line, reader, rules, &mut output));
        part.lines = lines.count_so_far();
        match taken.and_then(|()| output.into_inner()) {
            Ok(bytes) => part.output = bytes,
            Err(fault) => part.fault = Some(fault),
        }
        part
    }

    fn take(
        &mut self,
        line: &InputLine<'_>,
        reader: &mut Reader,
        rules: Rules<'_>,
        output: &mut RecordOutput,
    ) -> Result<(), Error> {
        if let Some(start) = self.mark(output)
            && let Some(page) = line.text.ok().and_then(|text| reader.pages.read_plain(text))
        {
            if self.take_page(line, &page, &mut reader.nodes, rules, output)? {
                return Ok(());
            }
            self.go_back(&start, output);
        }
        if line.text.is_ok_and(|text| !line::may_be_typed(text)) && self.take_told(line, rules, output)? {
            return Ok(());
        }
        match line.text.map_err(str::to_owned).and_then(Line::parse) {
            Ok(Line::Raw(raw)) => {
                self.take_page(line, &raw.into(), &mut reader.nodes, rules, output)?;
            }
            Ok(Line::Record(mut record)) => {
                self.counts.records += 1;
                finish(&mut record, rules.options.pseudonyms.as_ref());
                output.write_record(&record)?;
            }
            Ok(Line::Rollup(mut rollup)) => {
                if let Some(key) = &rules.options.pseudonyms {
                    key.apply_to_counts(&mut rollup);
                }
                self.counts.passed += 1;
                output.write(&rollup)?;
            }
            Ok(Line::Coverage(mut coverage)) => {
                self.counts.passed += 1;
                if let Cow::Owned(address) = canonical(&coverage.instance) {
                    coverage.instance = address;
                }
                let key = rules.options.pseudonyms.as_ref();
                coverage.key_check = key.map(|key| key.check(&coverage.instance)).or(coverage.key_check);
                match rules.options.mappings.iter().any(|mapping| mapping.collector() == coverage.collector) {
                    true => self.held_back.push(coverage),
                    false => output.write(&coverage)?,
                }
            }
            Ok(Line::Metric(_) | Line::FormerGroup(_)) => self.counts.unknown += 1,
            Ok(Line::Unknown) => {
                if !self.take_told(line, rules, output)? {
                    self.counts.unknown += 1;
                }
            }
            Err(reason) => {
                // What says that it is of a type is nothing else, even where it cannot be read.
                if line.text.is_ok_and(|text| !line::is_typed(text)) && self.take_told(line, rules, output)? {
                    return Ok(());
                }
                if let Some(repaired) = line.text.ok().and_then(line::repaired) {
                    self.counts.fields_dropped += repaired.left_out;
                    let text = Ok(repaired.text.as_str());
                    return self.take(&InputLine { text, ..*line }, reader, rules, output);
                }
                self.dead_letters.extend(rules.letters.letter(line, None, &reason, line.bytes));
                self.rejected.push((line.number, reason));
            }
        }
        Ok(())
    }

    /// Takes a line that is of a form of `sources`. False when it is of none.
    fn take_told(
        &mut self,
        line: &InputLine<'_>,
        rules: Rules<'_>,
        output: &mut RecordOutput,
    ) -> Result<bool, Error> {
        let Ok(text) = line.text else { return Ok(false) };
        match sources::find(text, rules.headings.at(line.offset).as_deref()) {
            Found::Events { events, skipped } => {
                self.counts.without_event += skipped;
                self.take_events(line, events, rules, output)?;
            }
            Found::Nothing => self.counts.without_event += 1,
            Found::Unknown => return Ok(false),
        }
        Ok(true)
    }

    /// Makes records of the events that were found in a line.
    fn take_events(
        &mut self,
        line: &InputLine<'_>,
        events: Vec<Result<Observed, String>>,
        rules: Rules<'_>,
        output: &mut RecordOutput,
    ) -> Result<(), Error> {
        let number = u32::try_from(self.lines_before + line.number).unwrap_or(u32::MAX);
        let is_alone = events.len() == 1;
        for (index, event) in (0..).zip(events) {
            let row = match is_alone {
                true => Row { page: 0, index: number },
                false => Row { page: number, index },
            };
            let made = event.and_then(|observed| {
                let event = sources::record(&observed, &rules.options.setting, row)?;
                Ok((event, sources::unusable_fields(&observed)))
            });
            match made {
                Ok((event, unusable)) => {
                    self.counts.records += 1;
                    self.counts.fields_dropped += unusable;
                    let mut record = Record::Event(Box::new(event));
                    finish(&mut record, rules.options.pseudonyms.as_ref());
                    if let Record::Event(event) = &mut record
                        && event.event_id.is_none()
                    {
                        event.event_id = Some(sources::derived_id(event).into());
                    }
                    output.write_record(&record)?;
                }
                Err(reason) => {
                    let row = Some(row).filter(|_| !is_alone);
                    self.dead_letters.extend(rules.letters.letter(line, row, &reason, line.bytes));
                    self.rejected.push((line.number, reason));
                }
            }
        }
        Ok(())
    }

    /// Where this part is; `None` when nothing can be taken back.
    fn mark(&self, output: &mut RecordOutput) -> Option<Mark> {
        Some(Mark {
            output: output.mark()?,
            dead_letters: self.dead_letters.len(),
            outside_of_mapped: self.outside_of_mapped.len(),
            counts: self.counts,
        })
    }

    /// Takes back what was made since.
    fn go_back(&mut self, mark: &Mark, output: &mut RecordOutput) {
        output.take_back(mark.output);
        self.dead_letters.truncate(mark.dead_letters);
        self.outside_of_mapped.truncate(mark.outside_of_mapped);
        self.counts = mark.counts;
    }

    /// Makes records of the nodes of a page, each as soon as it is read. False, with a part of it made, when a list of them cannot be
    /// read to its end: the line may be damaged, or the list split in the wrong places.
    fn take_page(
        &mut self,
        line: &InputLine<'_>,
        page: &Page<'_>,
        keys: &mut NodeKeys,
        rules: Rules<'_>,
        output: &mut RecordOutput,
    ) -> Result<bool, Error> {
        let collector = by_name(&page.collector);
        let plain = collector.filter(|_| output.takes_plain());
        output.start_page(&page.origin(0));
        let list = match &page.nodes {
            Nodes::List(list) => list,
            Nodes::Each(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    if self.take_plain(node, (page, index), plain, keys, rules, output).is_none() {
                        self.take_node(line, page, (index, node), collector, rules, output)?;
                    }
                }
                return Ok(true);
            }
        };
        let (mut elements, mut index) = (Elements::of(list), 0);
        while let Some(rest) = elements.rest() {
            let is_there = match self.take_plain(rest, (page, index), plain, keys, rules, output) {
                Some(length) => elements.pass(length),
                None => match elements.split_first() {
                    Some(node) => self.take_node(line, page, (index, node), collector, rules, output)?,
                    None => false,
                },
            };
            if !is_there {
                return Ok(false);
            }
            index += 1;
        }
        Ok(true)
    }

    /// Writes the event of the node that a text begins with, and returns how long that is; `None` when it is not plain, or its record
    /// has to be made.
    #[inline]
    fn take_plain(
        &mut self,
        text: &str,
        (page, index): (&Page<'_>, usize),
        collector: Option<&'static dyn Collector>,
        keys: &mut NodeKeys,
        rules: Rules<'_>,
        output: &mut RecordOutput,
    ) -> Option<usize> {
        let (mut event, length) = collector?.read_plain(text, keys)?;
        if let Some(key) = &rules.options.pseudonyms {
            key.apply_to_event(&mut event, page.instance());
        }
        if !output.write_plain(&event, page.row(index).index) {
            return None;
        }
        self.counts.records += 1;
        Some(length)
    }

    /// Makes the record of a node with this place in the page. False when it was split off by a guess and cannot be read.
    fn take_node(
        &mut self,
        line: &InputLine<'_>,
        page: &Page<'_>,
        (index, node): (usize, &str),
        collector: Option<&'static dyn Collector>,
        rules: Rules<'_>,
        output: &mut RecordOutput,
    ) -> Result<bool, Error> {
        let Rules { options, letters, .. } = rules;
        let is_guess = matches!(page.nodes, Nodes::List(_));
        let mapping = options.mappings.iter().find(|mapping| mapping.collector() == page.collector);
        let row = page.row(index);
        let mapped = mapping.map(|mapping| mapping.apply(node, &page.origin(index)));
        let read = match (collector, &mapped) {
            _ if node == "null" => Ok(None),
            (Some(collector), _) => collector.read(node, page.origin(index), page.since()).map(Some),
            (None, Some(Ok(text))) => record(text).map(Some),
            (None, Some(Err(reason))) => Err(reason.clone()),
            (None, None) => {
                Err("a collector this version does not know; --map says what its rows mean".to_owned())
            }
        };
        match read {
            // A null is no damage to the stream: fetch has counted it as unreadable.
            Ok(None) => {
                self.counts.left_out += 1;
                let letter =
                    letters.letter(line, Some(row), "null: GitLab could not return the row", node.as_bytes());
                self.dead_letters.extend(letter);
            }
            Ok(Some(record)) if !record.is_of_its_day() => {
                self.counts.outside += 1;
                if mapping.is_some() {
                    self.outside_of_mapped.push((fetch_of(record.origin()), row));
                }
            }
            Ok(Some(mut record)) => {
                self.counts.records += 1;
                finish(&mut record, options.pseudonyms.as_ref());
                output.write_record(&record)?;
            }
            Err(reason) => {
                if let Some(whole) = line::with_whole_surrogates(node) {
                    return self.take_node(line, page, (index, &whole), collector, rules, output);
                }
                if is_guess {
                    return Ok(false);
                }
                self.dead_letters.extend(letters.letter(line, Some(row), &reason, node.as_bytes()));
                self.rejected.push((line.number, reason));
            }
        }
        Ok(true)
    }
}

/// What a fetch is of, and when it was: collector, instance, scope, day and moment.
type Fetch = (String, String, String, Day, Timestamp);

fn fetch_of(origin: &Origin<'_>) -> Fetch {
    let Origin { instance, collector, scope, day, fetched_at, .. } = origin;
    (collector.to_string(), instance.to_string(), scope.to_string(), *day, *fetched_at)
}

/// The record in a line of a stream.
fn record(text: &str) -> Result<Record<'_>, String> {
    match Line::parse(text)? {
        Line::Record(record) => Ok(record),
        _ => Err("not a record".to_owned()),
    }
}

/// Makes a record of any source what it is to leave as: names spelt one way, and people replaced if that is asked for.
pub(super) fn finish(record: &mut Record<'_>, pseudonyms: Option<&PseudonymKey>) {
    if let Record::Event(event) = record {
        canonicalize(event);
    }
    if let Some(key) = pseudonyms {
        key.apply(record);
    }
}

impl RecordOutput {
    /// Writes behind what the buffer holds.
    fn new(format: RecordFormat, buffer: Vec<u8>) -> RecordOutput {
        match format {
            RecordFormat::Jsonl => RecordOutput::Lines(LineWriter::new(buffer), EventWriter::default()),
            RecordFormat::Csv => RecordOutput::Sheet(Box::new(RecordSheet::new(buffer))),
        }
    }

    fn into_inner(self) -> Result<Vec<u8>, Error> {
        match self {
            RecordOutput::Lines(lines, _) => Ok(lines.into_inner()),
            RecordOutput::Sheet(sheet) => sheet.into_inner().map_err(Error::writing),
        }
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), Error> {
        match self {
            RecordOutput::Lines(lines, _) => lines.write(line),
            RecordOutput::Sheet(sheet) => sheet.write(line).map_err(Error::writing),
        }
    }

    fn write_record(&mut self, record: &Record<'_>) -> Result<(), Error> {
        match (self, record) {
            (RecordOutput::Lines(lines, events), Record::Event(event)) => {
                events.write(event, lines.get_mut());
                Ok(())
            }
            (output, record) => output.write(record),
        }
    }

    /// Whether it can write events without their records.
    fn takes_plain(&self) -> bool {
        matches!(self, RecordOutput::Lines(..))
    }

    /// Says which page the next plain events come from.
    fn start_page(&mut self, origin: &Origin<'_>) {
        if let RecordOutput::Lines(_, events) = self {
            events.start_page(origin);
        }
    }

    /// Writes an event by its place in the page; false, and nothing is written, when its record has to be made first.
    fn write_plain(&mut self, event: &UsageEvent<'_, &str>, index: u32) -> bool {
        match self {
            RecordOutput::Lines(lines, events) => events.write_plain(event, index, lines.get_mut()),
            RecordOutput::Sheet(_) => false,
        }
    }

    /// How much was written, where it can be taken back.
    fn mark(&mut self) -> Option<usize> {
        match self {
            RecordOutput::Lines(lines, _) => Some(lines.get_mut().len()),
            RecordOutput::Sheet(_) => None,
        }
    }

    /// Takes back what was written since.
    fn take_back(&mut self, mark: usize) {
        if let RecordOutput::Lines(lines, _) = self {
            lines.get_mut().truncate(mark);
        }
    }
}

impl DeadLetters {
    fn add(&mut self, letter: &DeadLetter) -> Result<(), Error> {
        self.file.as_mut().map_or(Ok(()), |file| file.write(letter))
    }
}

impl Letters {
    fn letter(
        self,
        line: &InputLine<'_>,
        row: Option<Row>,
        reason: &str,
        content: &[u8],
    ) -> Option<DeadLetter> {
        let digest = || {
            let hash = Sha256::digest(content);
            hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
        };
        self.keeps.then(|| DeadLetter {
            line: line.number,
            offset: line.offset,
            row,
            reason: reason.to_owned(),
            digest: digest(),
            content: self.with_content.then(|| String::from_utf8_lossy(content).into_owned()),
        })
    }
}

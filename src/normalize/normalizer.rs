//! The engine of `normalize`: reads raw lines and event exports, writes flat, validated records,
//! and keeps what it rejects.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::sync::{Mutex, PoisonError};

use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, Outcome};
use crate::base::text::format_count;
use crate::collect::collectors::{Collector, NodeKeys, by_name};
use crate::json::ArraySplitter;
use crate::model::canonical::canonicalize;
use crate::model::coverage::Coverage;
use crate::model::line::{self, Line, Record};
use crate::model::record::{Origin, Row};
use crate::normalize::dead_letter::{DeadLetter, DeadLetterFile, DeadLetterPolicy};
use crate::normalize::line_adapter::{HeaderIndex, LineAdapter};
use crate::normalize::mapping::Mapping;
use crate::normalize::page::{Nodes, Page, PageReader};
use crate::normalize::pseudonym::PseudonymKey;
use crate::normalize::sources::{self, Found, ImportDefaults, Observed};
use crate::normalize::writer::RecordWriter;
use crate::stream::chunks::{Chunk, process_chunks};
use crate::stream::lines::InputLine;
use crate::stream::misplaced::{LineKind, Misplaced, Stage};
use crate::stream::rejects::{ChunkRejects, Rejects};
use crate::system::summary::Summary;

/// Maximum size of a buffer that is used again, in bytes. A long line makes a larger one.
const MAX_SPARE_BUFFER: usize = 1 << 20;

/// Maximum number of nodes in a line. GitLab returns 100 in a page; more are not a page of GitLab, and
/// each rejected one takes memory.
const MAX_NODES: usize = 100_000;

/// Options of the normalizer.
pub struct Options {
    /// Replaces people by pseudonyms, if set.
    pub pseudonyms: Option<PseudonymKey>,
    /// Maximum share of rejected rows, in percent.
    pub max_rejects: f64,
    /// How the nodes of custom collectors become records.
    pub mappings: Vec<Mapping>,
    /// Instance and scope of exported events that do not carry them.
    pub import_defaults: ImportDefaults,
    /// Number of threads that read, at least 1.
    pub threads: usize,
}

/// Reads raw lines and event exports, and writes records. Coverage lines and records pass through.
///
/// Fails if more of the input is rejected than the options allow; the outcome is partial if
/// anything is.
pub fn normalize<W: RecordWriter>(
    options: &Options,
    input: impl Read + Send,
    mut output: impl Write,
    mut dead_letters: DeadLetterFile,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let mut rejects = Rejects::new(options.max_rejects);
    let mut misplaced = Misplaced::default();
    let mut outside_by_fetch: HashMap<FetchKey, HashSet<Row>> = HashMap::new();
    let mut held_back: Vec<Coverage> = Vec::new();
    let mut total = NormalizeCounts::default();
    let mut lines_before = 0;
    let input = LineAdapter::new(input);
    let headers = input.header_index();
    let rules = Rules { options, headers: &headers, dead_letters: dead_letters.policy() };
    // Buffers are used again: fresh memory for every chunk would cost as much as writing it.
    let spare: Mutex<Vec<Vec<u8>>> = Mutex::default();
    let work = |decoder: &mut PageDecoder, chunk: &Chunk| {
        let buffer = spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        ChunkNormalizer::<W>::run(chunk, decoder, buffer, rules)
    };
    W::write_header(&mut output)?;
    let workers = (0..options.threads).map(|_| PageDecoder::default()).collect();
    process_chunks(input, workers, work, |_, mut chunk| {
        output.write_all(&chunk.bytes).map_err(Error::writing)?;
        chunk.bytes.clear();
        if chunk.bytes.capacity() <= MAX_SPARE_BUFFER {
            spare.lock().unwrap_or_else(PoisonError::into_inner).push(chunk.bytes);
        }
        rejects.add_chunk(lines_before, &chunk.rejected);
        misplaced.add_chunk(lines_before, &chunk.misplaced);
        for mut letter in chunk.dead_letters {
            letter.line += lines_before;
            dead_letters.write(&letter)?;
        }
        for (fetch, row) in chunk.outside_of_mapped {
            outside_by_fetch.entry(fetch).or_default().insert(row);
        }
        held_back.extend(chunk.held_back);
        total.add(&chunk.counts);
        lines_before += chunk.lines;
        chunk.error.map_or(Ok(()), Err)
    })?;
    let mut last = W::new(Vec::new());
    for mut coverage in held_back {
        let outside = FetchKey::of_coverage(&coverage).and_then(|fetch| outside_by_fetch.get(&fetch));
        let outside = outside.map_or(0, |rows| rows.len() as u64);
        coverage.rows = coverage.rows.map(|rows| rows.saturating_sub(outside));
        last.write(&coverage)?;
    }
    output.write_all(&last.into_inner()?).and_then(|()| output.flush()).map_err(Error::writing)?;
    dead_letters.commit()?;
    if let Some(error) =
        misplaced.error(Stage::Normalize).filter(|_| total.is_empty() && rejects.count() == 0)
    {
        return Err(error);
    }
    report(&total, rejects.count(), summary);
    rejects.conclude(total.accepted(), summary)
}

/// Adds the counts to the summary.
fn report(counts: &NormalizeCounts, rejected: u64, summary: &mut Summary) {
    let NormalizeCounts { records, outside, left_out, unknown, without_event, fields_dropped, .. } = *counts;
    summary.message(format!(
        "{}, {} rejected",
        format_count(records, "record"),
        format_count(rejected, "row")
    ));
    if outside > 0 {
        let were = if outside == 1 { "was" } else { "were" };
        summary
            .message(format!("{} belonged to another day and {were} skipped", format_count(outside, "row")));
    }
    if left_out > 0 {
        summary.message(format!(
            "GitLab returned {} as null; the coverage lines count them as unreadable",
            format_count(left_out, "row")
        ));
    }
    if unknown > 0 {
        summary.message(format!(
            "skipped {} of a type that normalize does not read",
            format_count(unknown, "line")
        ));
    }
    if without_event > 0 {
        summary.message(format!("skipped {} without an event", format_count(without_event, "line")));
    }
    if fields_dropped > 0 {
        summary.message(format!("dropped {} of the wrong type", format_count(fields_dropped, "field")));
    }
    for (name, count) in [
        ("records", records),
        ("outside_the_day", outside),
        ("rejected", rejected),
        ("left_out", left_out),
        ("skipped", unknown + without_event),
        ("fields_dropped", fields_dropped),
    ] {
        summary.field(name, count);
    }
}

/// Replaces names by their canonical form, and people by pseudonyms if there is a key. Every record
/// passes through here once, whatever its source.
pub fn finalize(record: &mut Record<'_>, pseudonyms: Option<&PseudonymKey>) {
    if let Record::Event(event) = record {
        canonicalize(event);
    }
    if let Some(key) = pseudonyms {
        key.apply(record);
    }
}

/// The state of a worker that lasts from chunk to chunk.
#[derive(Default)]
struct PageDecoder {
    pages: PageReader,
    nodes: NodeKeys,
}

/// What all workers share.
#[derive(Clone, Copy)]
struct Rules<'r> {
    options: &'r Options,
    headers: &'r HeaderIndex,
    dead_letters: DeadLetterPolicy,
}

/// How many rows and lines became what.
#[derive(Clone, Copy, Default)]
struct NormalizeCounts {
    records: u64,
    /// Rows that belong to another day than the one they were fetched with.
    outside: u64,
    /// Rows that GitLab returned as null.
    left_out: u64,
    /// Lines of our own types that pass through.
    passed: u64,
    /// Rollup lines among them.
    rollups: u64,
    unknown: u64,
    without_event: u64,
    fields_dropped: u64,
}

impl NormalizeCounts {
    fn add(&mut self, other: &NormalizeCounts) {
        self.records += other.records;
        self.outside += other.outside;
        self.left_out += other.left_out;
        self.passed += other.passed;
        self.rollups += other.rollups;
        self.unknown += other.unknown;
        self.without_event += other.without_event;
        self.fields_dropped += other.fields_dropped;
    }

    /// Whether there was no row and no count.
    fn is_empty(&self) -> bool {
        self.records + self.outside + self.left_out + self.rollups == 0
    }

    /// The number of lines and rows that could be read.
    fn accepted(&self) -> u64 {
        self.records + self.outside + self.passed + self.unknown + self.without_event
    }
}

/// Identifies one fetch of a collector, scope and day.
#[derive(PartialEq, Eq, Hash)]
struct FetchKey {
    collector: String,
    instance: String,
    scope: String,
    day: Day,
    fetched_at: Timestamp,
}

impl FetchKey {
    fn of_row(origin: &Origin<'_>) -> FetchKey {
        FetchKey {
            collector: origin.collector.to_string(),
            instance: origin.instance.to_string(),
            scope: origin.scope.to_string(),
            day: origin.day,
            fetched_at: origin.fetched_at,
        }
    }

    /// `None` if GitLab was never asked.
    fn of_coverage(coverage: &Coverage) -> Option<FetchKey> {
        Some(FetchKey {
            collector: coverage.collector.clone(),
            instance: coverage.instance.clone(),
            scope: coverage.scope.clone(),
            day: coverage.day,
            fetched_at: coverage.fetched_at?,
        })
    }
}

/// The result of one chunk of the stream. Line numbers count from its start.
#[derive(Default)]
struct ChunkOutput {
    /// The lines to write.
    bytes: Vec<u8>,
    rejected: ChunkRejects,
    misplaced: Misplaced,
    dead_letters: Vec<DeadLetter>,
    /// Rows of mapped collectors that belong to another day than that of their fetch.
    outside_of_mapped: Vec<(FetchKey, Row)>,
    /// Coverage lines of mapped collectors. `fetch` cannot read the day of their rows and counts
    /// all of them, so these lines are corrected when all rows were read.
    held_back: Vec<Coverage>,
    counts: NormalizeCounts,
    lines: u64,
    error: Option<Error>,
}

/// The state of a chunk to return to when the fast path gives up in the middle of a line.
struct Checkpoint {
    output: usize,
    dead_letters: usize,
    outside_of_mapped: usize,
    counts: NormalizeCounts,
}

/// Normalizes one chunk of the stream.
struct ChunkNormalizer<'r, W> {
    rules: Rules<'r>,
    lines_before: u64,
    writer: W,
    output: ChunkOutput,
}

impl<'r, W: RecordWriter> ChunkNormalizer<'r, W> {
    fn run(chunk: &Chunk, decoder: &mut PageDecoder, buffer: Vec<u8>, rules: Rules<'r>) -> ChunkOutput {
        let mut normalizer = ChunkNormalizer {
            rules,
            lines_before: chunk.lines_before(),
            writer: W::new(buffer),
            output: ChunkOutput::default(),
        };
        let mut lines = chunk.lines();
        let result = lines.try_for_each(|line| normalizer.normalize_line(&line, decoder));
        let ChunkNormalizer { writer, mut output, .. } = normalizer;
        output.lines = lines.lines_read();
        match result.and_then(|()| writer.into_inner()) {
            Ok(bytes) => output.bytes = bytes,
            Err(error) => output.error = Some(error),
        }
        output
    }

    fn normalize_line(&mut self, line: &InputLine<'_>, decoder: &mut PageDecoder) -> Result<(), Error> {
        if let Some(checkpoint) = self.checkpoint()
            && let Some(page) = line.text.ok().and_then(|text| decoder.pages.decode_fast(text))
        {
            if self.normalize_page(line, &page, &mut decoder.nodes)? {
                return Ok(());
            }
            self.rollback(&checkpoint);
        }
        if line.text.is_ok_and(|text| !line::may_be_typed(text)) && self.normalize_export(line)? {
            return Ok(());
        }
        match line.text.map_err(str::to_owned).and_then(Line::parse) {
            Ok(Line::Raw(raw)) => {
                self.normalize_page(line, &raw.into(), &mut decoder.nodes)?;
            }
            Ok(Line::Record(record)) => self.write_record(record)?,
            Ok(Line::Rollup(mut rollup)) => {
                if let Some(key) = &self.rules.options.pseudonyms {
                    key.apply_to_counts(&mut rollup);
                }
                self.output.counts.passed += 1;
                self.output.counts.rollups += 1;
                self.writer.write(&rollup)?;
            }
            Ok(Line::Coverage(coverage)) => self.normalize_coverage(coverage)?,
            Ok(Line::Metric(_)) => {
                self.output.misplaced.add(line.number, LineKind::Metric);
                self.output.counts.unknown += 1;
            }
            Ok(Line::FormerGroup(_) | Line::HistoryLoss(_)) => self.output.counts.unknown += 1,
            Ok(Line::Unknown) => {
                if !self.normalize_export(line)? {
                    self.output.counts.unknown += 1;
                }
            }
            Err(reason) => return self.normalize_unreadable(line, reason, decoder),
        }
        Ok(())
    }

    fn normalize_coverage(&mut self, mut coverage: Coverage) -> Result<(), Error> {
        let options = self.rules.options;
        self.output.counts.passed += 1;
        if let Cow::Owned(address) = canonical(&coverage.instance) {
            coverage.instance = address;
        }
        let key = options.pseudonyms.as_ref();
        coverage.key_check = key.map(|key| key.check(&coverage.instance)).or(coverage.key_check);
        if options.mappings.iter().any(|mapping| mapping.collector() == coverage.collector) {
            self.output.held_back.push(coverage);
            Ok(())
        } else {
            self.writer.write(&coverage)
        }
    }

    /// A line that could not be parsed: an export in another form, a line to repair, or a reject.
    fn normalize_unreadable(
        &mut self,
        line: &InputLine<'_>,
        reason: String,
        decoder: &mut PageDecoder,
    ) -> Result<(), Error> {
        // A line that states one of our types is not an export, even if it cannot be read.
        if line.text.is_ok_and(|text| !line::is_typed(text)) && self.normalize_export(line)? {
            return Ok(());
        }
        if let Some(repaired) = line.text.ok().and_then(line::repair) {
            self.output.counts.fields_dropped += repaired.dropped_fields;
            let text = Ok(repaired.text.as_str());
            return self.normalize_line(&InputLine { text, ..*line }, decoder);
        }
        self.reject(line, None, reason, line.bytes);
        Ok(())
    }

    fn reject(&mut self, line: &InputLine<'_>, row: Option<Row>, reason: String, content: &[u8]) {
        self.output.dead_letters.extend(self.rules.dead_letters.dead_letter(line, row, &reason, content));
        self.output.rejected.add(line.number, &reason);
    }

    fn write_record(&mut self, mut record: Record<'_>) -> Result<(), Error> {
        self.output.counts.records += 1;
        finalize(&mut record, self.rules.options.pseudonyms.as_ref());
        self.writer.write_record(&record)
    }

    /// Normalizes a line in a form of `sources`. Returns false if it is in none.
    fn normalize_export(&mut self, line: &InputLine<'_>) -> Result<bool, Error> {
        let Ok(text) = line.text else { return Ok(false) };
        match sources::find(text, self.rules.headers.at(line.offset).as_deref()) {
            Found::Events { events, skipped } => {
                self.output.counts.without_event += skipped;
                self.normalize_events(line, events)?;
            }
            Found::Nothing => self.output.counts.without_event += 1,
            Found::Unknown => return Ok(false),
        }
        Ok(true)
    }

    /// Writes records of the events that were found in a line. The row of an event is the number of
    /// its line; if a line has several, the page is the number of the line.
    fn normalize_events(
        &mut self,
        line: &InputLine<'_>,
        events: Vec<Result<Observed, String>>,
    ) -> Result<(), Error> {
        let number = u32::try_from(self.lines_before + line.number).unwrap_or(u32::MAX);
        let is_alone = events.len() == 1;
        for (index, event) in (0..).zip(events) {
            let row = if is_alone { Row { page: 0, index: number } } else { Row { page: number, index } };
            let made = event.and_then(|observed| {
                let event = sources::record(&observed, &self.rules.options.import_defaults, row)?;
                Ok((event, sources::unusable_fields(&observed)))
            });
            match made {
                Ok((event, unusable)) => {
                    self.output.counts.records += 1;
                    self.output.counts.fields_dropped += unusable;
                    let mut record = Record::Event(Box::new(event));
                    finalize(&mut record, self.rules.options.pseudonyms.as_ref());
                    // After `finalize`, so the ID is derived from the pseudonym, not from the
                    // person.
                    if let Record::Event(event) = &mut record
                        && event.event_id.is_none()
                    {
                        event.event_id = Some(sources::derived_id(event).into());
                    }
                    self.writer.write_record(&record)?;
                }
                Err(reason) => self.reject(line, Some(row).filter(|_| !is_alone), reason, line.bytes),
            }
        }
        Ok(())
    }

    /// The state of this chunk; `None` if the writer cannot return to it.
    fn checkpoint(&mut self) -> Option<Checkpoint> {
        Some(Checkpoint {
            output: self.writer.checkpoint()?,
            dead_letters: self.output.dead_letters.len(),
            outside_of_mapped: self.output.outside_of_mapped.len(),
            counts: self.output.counts,
        })
    }

    /// Undoes everything since a checkpoint.
    fn rollback(&mut self, checkpoint: &Checkpoint) {
        self.writer.rollback(checkpoint.output);
        self.output.dead_letters.truncate(checkpoint.dead_letters);
        self.output.outside_of_mapped.truncate(checkpoint.outside_of_mapped);
        self.output.counts = checkpoint.counts;
    }

    /// Writes records of the nodes of a page, each as soon as it is read. Returns false, with some
    /// of them written, if the list cannot be read to its end: the line may be damaged, or the list
    /// split in the wrong places.
    fn normalize_page(
        &mut self,
        line: &InputLine<'_>,
        page: &Page<'_>,
        keys: &mut NodeKeys,
    ) -> Result<bool, Error> {
        let collector = by_name(&page.collector);
        let fast = collector.filter(|_| W::SUPPORTS_FAST_PATH);
        self.writer.start_page(&page.origin(0));
        let list = match &page.nodes {
            Nodes::List(list) => list,
            Nodes::Each(nodes) if nodes.len() > MAX_NODES => {
                self.reject(line, None, "more than 100,000 nodes".to_owned(), line.bytes);
                return Ok(true);
            }
            Nodes::Each(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    if self.write_node_fast(node, page, index, fast, keys).is_none() {
                        self.normalize_node(line, page, index, node, collector)?;
                    }
                }
                return Ok(true);
            }
        };
        let (mut elements, mut index) = (ArraySplitter::new(list), 0);
        while let Some(rest) = elements.rest() {
            let is_there = match self.write_node_fast(rest, page, index, fast, keys) {
                Some(length) => elements.skip(length),
                None => match elements.split_next() {
                    Some(node) => self.normalize_node(line, page, index, node, collector)?,
                    None => false,
                },
            };
            index += 1;
            if !is_there || index > MAX_NODES {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the event of the node at the start of a text, and returns the length of the node.
    /// Returns `None` if it is not in canonical form, or its record has to be built.
    #[inline]
    fn write_node_fast(
        &mut self,
        text: &str,
        page: &Page<'_>,
        index: usize,
        collector: Option<&'static dyn Collector>,
        keys: &mut NodeKeys,
    ) -> Option<usize> {
        let (mut event, length) = collector?.decode_fast(text, keys)?;
        if let Some(key) = &self.rules.options.pseudonyms {
            key.apply_to_event(&mut event, page.instance());
        }
        if !self.writer.write_event_fast(&event, page.row(index).index) {
            return None;
        }
        self.output.counts.records += 1;
        Some(length)
    }

    /// Writes the record of a node by its index in the page. Returns false if the node was split
    /// off heuristically and cannot be read.
    fn normalize_node(
        &mut self,
        line: &InputLine<'_>,
        page: &Page<'_>,
        index: usize,
        node: &str,
        collector: Option<&'static dyn Collector>,
    ) -> Result<bool, Error> {
        let is_heuristic = matches!(page.nodes, Nodes::List(_));
        let mapping =
            self.rules.options.mappings.iter().find(|mapping| mapping.collector() == page.collector);
        let row = page.row(index);
        let mapped = mapping.map(|mapping| mapping.apply(node, &page.origin(index)));
        let read = match (collector, &mapped) {
            _ if node == "null" => Ok(None),
            (Some(collector), _) => collector.read(node, page.origin(index), page.since()).map(Some),
            (None, Some(Ok(text))) => record(text).map(Some),
            (None, Some(Err(reason))) => Err(reason.clone()),
            (None, None) => Err("unknown collector; map its rows to records with --map FILE.json".to_owned()),
        };
        match read {
            // A null does not damage the stream: fetch has counted it as unreadable.
            Ok(None) => {
                self.output.counts.left_out += 1;
                let reason = "null: GitLab could not return the row";
                let letter = self.rules.dead_letters.dead_letter(line, Some(row), reason, node.as_bytes());
                self.output.dead_letters.extend(letter);
            }
            Ok(Some(record)) if !record.belongs_to_requested_day() => {
                self.output.counts.outside += 1;
                if mapping.is_some() {
                    self.output.outside_of_mapped.push((FetchKey::of_row(record.origin()), row));
                }
            }
            Ok(Some(record)) => self.write_record(record)?,
            Err(reason) => {
                if let Some(repaired) = line::replace_lone_surrogates(node) {
                    return self.normalize_node(line, page, index, &repaired, collector);
                }
                if is_heuristic {
                    return Ok(false);
                }
                self.reject(line, Some(row), reason, node.as_bytes());
            }
        }
        Ok(true)
    }
}

/// The record in a line of a stream.
fn record(text: &str) -> Result<Record<'_>, String> {
    match Line::parse(text)? {
        Line::Record(record) => Ok(record),
        _ => Err("not a record".to_owned()),
    }
}

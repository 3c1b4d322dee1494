//! Loads a stream of lines in batches of bounded size. One batch is sent while the next is encoded;
//! then the stream waits.

use std::io::{Read, Write};
use std::sync::mpsc::sync_channel;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::server::Server;
use crate::aggregate::ingest::RAW_LINE;
use crate::aggregate::rollup::{INCONSISTENT_COUNTS, WRONG_DAY};
use crate::base::calendar::Day;
use crate::base::error::{Error, Outcome};
use crate::base::text::format_count;
use crate::model::event::Event;
use crate::model::event_writer::EventWriter;
use crate::model::line::{Line, Record};
use crate::stream::chunks::{Chunk, process_chunks};
use crate::stream::misplaced::{LineKind, Misplaced, Stage};
use crate::stream::rejects::{ChunkRejects, Rejects};
use crate::system::summary::Summary;

/// The result of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Usage events, which the server counts.
    pub events: u64,
    /// All other lines, which the server stores and returns unchanged.
    pub lines: u64,
    /// Partial if some of the input was rejected.
    pub outcome: Outcome,
}

/// Rows after which a batch is sent. Large, because each batch becomes at least one file on the
/// server, which has to merge them.
const BATCH_ROWS: u64 = 100_000;

/// Compressed bytes after which a batch is sent in any case.
const BATCH_BYTES: usize = 4 << 20;

const EVENTS: &str = "duo_events";
const LINES: &str = "duo_lines";

/// A line that the server stores unchanged.
#[derive(Serialize)]
struct StoredLine<'a> {
    day: Day,
    line: &'a str,
}

/// Rows of a table as gzip-compressed JSON lines.
struct InsertBatch {
    table: &'static str,
    rows: u64,
    packed: Vec<u8>,
}

/// Encodes the rows of a chunk; each thread has one.
#[derive(Default)]
struct RowEncoder {
    writer: EventWriter,
    events: Vec<u8>,
    lines: Vec<u8>,
}

/// The encoded rows of a chunk.
struct EncodedChunk {
    events: InsertBatch,
    lines: InsertBatch,
    rejected: ChunkRejects,
    misplaced: Misplaced,
    /// Coverage lines, which are among the lines.
    covered: u64,
    unknown: u64,
    line_count: u64,
}

/// Loads records, rollup lines and coverage lines into the server.
pub fn load(
    server: &Server,
    input: impl Read + Send,
    max_rejects: f64,
    threads: usize,
    summary: &mut Summary,
) -> Result<Loaded, Error> {
    let mut rejects = Rejects::new(max_rejects);
    let (mut misplaced, mut covered) = (Misplaced::default(), 0);
    let (mut events, mut lines, mut unknown, mut lines_before) = (0, 0, 0, 0);
    thread::scope(|scope| {
        // One batch waits in the channel, one is being sent, and one per table is being filled.
        let (ready, batches) = sync_channel::<InsertBatch>(1);
        let sending = scope.spawn(move || {
            batches.into_iter().try_for_each(|batch| server.insert(batch.table, &batch.packed))
        });
        let send = |batch: InsertBatch| ready.send(batch).map_err(|_| Error::BrokenPipe);
        let mut pending = [InsertBatch::of(EVENTS), InsertBatch::of(LINES)];
        let encoders = (0..threads).map(|_| RowEncoder::default()).collect();
        let mut result = process_chunks(input, encoders, RowEncoder::pack, |_, packed| {
            events += packed.events.rows;
            lines += packed.lines.rows;
            unknown += packed.unknown;
            covered += packed.covered;
            rejects.add_chunk(lines_before, &packed.rejected);
            misplaced.add_chunk(lines_before, &packed.misplaced);
            lines_before += packed.line_count;
            for (pending, more) in pending.iter_mut().zip([packed.events, packed.lines]) {
                pending.add(more);
                if pending.rows >= BATCH_ROWS || pending.packed.len() >= BATCH_BYTES {
                    let table = pending.table;
                    send(std::mem::replace(pending, InsertBatch::of(table)))?;
                }
            }
            Ok(())
        });
        if result.is_ok() {
            result = pending.into_iter().filter(|batch| batch.rows > 0).try_for_each(send);
        }
        drop(ready);
        // A batch cannot be handed over after sending failed, so the sender's error is the cause.
        match sending.join() {
            Ok(sent) => sent.and(result),
            Err(_) => Err(Error::Bug("the thread that sends batches panicked".to_owned())),
        }
    })?;
    if let Some(error) = misplaced.error(Stage::Aggregate).filter(|_| events + lines == covered) {
        return Err(error);
    }
    if unknown > 0 {
        let message = format_count(unknown, "line");
        summary.message(format!("{message} of other types skipped"));
    }
    summary.message(format!(
        "{} and {} loaded",
        format_count(events, "usage event"),
        format_count(lines, "other line")
    ));
    summary.field("loaded", events + lines);
    let outcome = rejects.conclude(events + lines + unknown, summary)?;
    Ok(Loaded { events, lines, outcome })
}

impl InsertBatch {
    fn of(table: &'static str) -> InsertBatch {
        InsertBatch { table, rows: 0, packed: Vec::new() }
    }

    fn add(&mut self, more: InsertBatch) {
        self.rows += more.rows;
        // Concatenated gzip members are valid gzip.
        self.packed.extend(more.packed);
    }
}

impl RowEncoder {
    fn pack(&mut self, chunk: &Chunk) -> EncodedChunk {
        let (mut events, mut lines) = (InsertBatch::of(EVENTS), InsertBatch::of(LINES));
        let (mut rejected, mut misplaced) = (ChunkRejects::default(), Misplaced::default());
        let (mut covered, mut unknown) = (0, 0);
        let mut lines_of_chunk = chunk.lines();
        for line in &mut lines_of_chunk {
            let mut repaired_line = None;
            let parsed = line
                .text
                .map_err(str::to_owned)
                .and_then(|text| Line::parse_or_repair(text, &mut repaired_line));
            if let Some(kind @ (LineKind::Raw | LineKind::Metric)) =
                parsed.as_ref().ok().and_then(LineKind::of)
            {
                misplaced.add(line.number, kind);
            }
            let day = parsed.and_then(|parsed| match parsed {
                Line::Record(record) if !record.belongs_to_requested_day() => Err(WRONG_DAY.to_owned()),
                Line::Record(Record::Event(event)) if fits_table(&event) => {
                    self.writer.write(&event, &mut self.events);
                    events.rows += 1;
                    Ok(None)
                }
                Line::Record(record) => Ok(Some(record.origin().day)),
                Line::Coverage(coverage) => {
                    covered += 1;
                    Ok(Some(coverage.day))
                }
                Line::Rollup(rollup) if !rollup.is_consistent() => Err(INCONSISTENT_COUNTS.to_owned()),
                Line::Rollup(rollup) => Ok(Some(rollup.day())),
                Line::Raw(_) => Err(RAW_LINE.to_owned()),
                Line::Metric(_) | Line::FormerGroup(_) | Line::HistoryLoss(_) | Line::Unknown => {
                    unknown += 1;
                    Ok(None)
                }
            });
            match (day, line.text) {
                (Ok(Some(day)), Ok(text)) => {
                    let text = repaired_line.as_ref().map_or(text, |repaired| &repaired.text);
                    serde_json::to_writer(&mut self.lines, &StoredLine { day, line: text.trim() })
                        .expect("a day and a text serialize");
                    self.lines.push(b'\n');
                    lines.rows += 1;
                }
                (Ok(_), _) => {}
                (Err(reason), _) => rejected.add(line.number, &reason),
            }
        }
        events.packed = packed(&mut self.events);
        lines.packed = packed(&mut self.lines);
        let line_count = lines_of_chunk.lines_read();
        EncodedChunk { events, lines, rejected, misplaced, covered, unknown, line_count }
    }
}

/// Whether the table can represent all of this event. If not, it is stored as a line and counted
/// here. The table has no value for an empty id. It has 32 bits for tokens, so their sums cannot
/// overflow.
fn fits_table(event: &Event<'_>) -> bool {
    let tokens = [
        event.input_tokens,
        event.output_tokens,
        event.cache_read,
        event.cache_write_5m,
        event.cache_write_1h,
        event.cache_write,
    ];
    let fit = tokens.into_iter().flatten().all(|tokens| u32::try_from(tokens).is_ok());
    fit && event.event_id.as_deref() != Some("")
}

/// The rows as gzip; empty if there are none.
fn packed(rows: &mut Vec<u8>) -> Vec<u8> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(rows).expect("writing to memory succeeds");
    rows.clear();
    encoder.finish().expect("writing to memory succeeds")
}

//! Loading a stream of lines, in batches of bounded size: while one is on its way, the next is packed, and then the
//! stream waits.

use std::io::{Read, Write};
use std::sync::mpsc::sync_channel;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::server::Server;
use crate::aggregate::rollup::{CONTRADICTION, OTHER_DAY};
use crate::base::calendar::Day;
use crate::base::error::{Error, Outcome};
use crate::base::text::counted;
use crate::model::event::Event;
use crate::model::event_writer::EventWriter;
use crate::model::line::{Line, Record};
use crate::stream::chunks::{Chunk, work_through};
use crate::stream::rejects::Rejects;
use crate::system::summary::Summary;

/// What was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Usage events, which the server counts.
    pub events: u64,
    /// Every other line, which comes back as it is.
    pub lines: u64,
    /// Whether some of the input was rejected.
    pub outcome: Outcome,
}

/// Rows after which a batch is sent: many, since each becomes a file or more on the server, which it has to merge.
const BATCH_ROWS: u64 = 100_000;

/// Packed bytes after which it is sent in any case.
const BATCH_BYTES: usize = 4 << 20;

const EVENTS: &str = "duo_events";
const LINES: &str = "duo_lines";

/// A line that the server keeps as it is.
#[derive(Serialize)]
struct Kept<'a> {
    day: Day,
    line: &'a str,
}

/// Rows of a table, packed.
struct Batch {
    table: &'static str,
    rows: u64,
    packed: Vec<u8>,
}

/// Packs the rows of a chunk, one a thread.
#[derive(Default)]
struct Packer {
    writer: EventWriter,
    events: Vec<u8>,
    lines: Vec<u8>,
}

/// What was found in a chunk.
struct Packed {
    events: Batch,
    lines: Batch,
    rejected: Vec<(u64, String)>,
    unknown: u64,
    line_count: u64,
}

/// Loads records, rollup and coverage lines into the server.
pub fn load(
    server: &Server,
    input: impl Read + Send,
    max_rejects: f64,
    threads: usize,
    summary: &mut Summary,
) -> Result<Loaded, Error> {
    let mut rejects = Rejects::new(max_rejects);
    let (mut events, mut lines, mut unknown, mut lines_before) = (0, 0, 0, 0);
    thread::scope(|scope| {
        // One batch waits, one is on its way, and of each table one is being filled.
        let (ready, batches) = sync_channel::<Batch>(1);
        let sending = scope.spawn(move || {
            batches.into_iter().try_for_each(|batch| server.insert(batch.table, &batch.packed))
        });
        let send = |batch: Batch| ready.send(batch).map_err(|_| Error::ReaderGone);
        let mut waiting = [Batch::of(EVENTS), Batch::of(LINES)];
        let packers = (0..threads).map(|_| Packer::default()).collect();
        let mut result = work_through(input, packers, Packer::pack, |_, packed| {
            events += packed.events.rows;
            lines += packed.lines.rows;
            unknown += packed.unknown;
            for (number, reason) in &packed.rejected {
                rejects.add(lines_before + number, reason);
            }
            lines_before += packed.line_count;
            for (waiting, more) in waiting.iter_mut().zip([packed.events, packed.lines]) {
                waiting.add(more);
                if waiting.rows >= BATCH_ROWS || waiting.packed.len() >= BATCH_BYTES {
                    let table = waiting.table;
                    send(std::mem::replace(waiting, Batch::of(table)))?;
                }
            }
            Ok(())
        });
        if result.is_ok() {
            result = waiting.into_iter().filter(|batch| batch.rows > 0).try_for_each(send);
        }
        drop(ready);
        // When sending has failed, that is why no batch can be handed over any more.
        match sending.join() {
            Ok(sent) => sent.and(result),
            Err(_) => Err(Error::Bug("the sender stopped by itself".to_owned())),
        }
    })?;
    if unknown > 0 {
        let what = counted(unknown, "line");
        summary.say(format!("{what} of a type that aggregate does not read passed over"));
    }
    summary.say(format!("{} and {} loaded", counted(events, "usage event"), counted(lines, "other line")));
    summary.field("loaded", events + lines);
    let outcome = rejects.conclude(events + lines + unknown, summary)?;
    Ok(Loaded { events, lines, outcome })
}

impl Batch {
    fn of(table: &'static str) -> Batch {
        Batch { table, rows: 0, packed: Vec::new() }
    }

    fn add(&mut self, more: Batch) {
        self.rows += more.rows;
        // Packed texts one after the other are a packed text.
        self.packed.extend(more.packed);
    }
}

impl Packer {
    fn pack(&mut self, chunk: &Chunk) -> Packed {
        let (mut events, mut lines) = (Batch::of(EVENTS), Batch::of(LINES));
        let (mut rejected, mut unknown) = (Vec::new(), 0);
        let mut of_chunk = chunk.lines();
        for line in &mut of_chunk {
            let mut room = None;
            let parsed =
                line.text.map_err(str::to_owned).and_then(|text| Line::parse_or_repair(text, &mut room));
            let day = parsed.and_then(|parsed| match parsed {
                Line::Record(record) if !record.is_of_its_day() => Err(OTHER_DAY.to_owned()),
                Line::Record(Record::Event(event)) if is_counted(&event) => {
                    self.writer.write(&event, &mut self.events);
                    events.rows += 1;
                    Ok(None)
                }
                Line::Record(record) => Ok(Some(record.origin().day)),
                Line::Coverage(coverage) => Ok(Some(coverage.day)),
                Line::Rollup(rollup) if !rollup.is_possible() => Err(CONTRADICTION.to_owned()),
                Line::Rollup(rollup) => Ok(Some(rollup.day())),
                Line::Raw(_) => Err("a raw line; pipe it through \"duo-metrics normalize\" first".to_owned()),
                Line::Metric(_) | Line::FormerGroup(_) | Line::Unknown => {
                    unknown += 1;
                    Ok(None)
                }
            });
            match (day, line.text) {
                (Ok(Some(day)), Ok(text)) => {
                    let text = room.as_ref().map_or(text, |repaired| &repaired.text);
                    serde_json::to_writer(&mut self.lines, &Kept { day, line: text.trim() })
                        .expect("a day and a text can be written to memory");
                    self.lines.push(b'\n');
                    lines.rows += 1;
                }
                (Ok(_), _) => {}
                (Err(reason), _) => rejected.push((line.number, reason)),
            }
        }
        events.packed = packed(&mut self.events);
        lines.packed = packed(&mut self.lines);
        Packed { events, lines, rejected, unknown, line_count: of_chunk.count_so_far() }
    }
}

/// Whether the table can hold all of such an event; else it comes back as it is, and is counted here. An id that is empty
/// is one all the same, and has no place in the table. Tokens have 32 bits there: so no sum of them can be too large.
fn is_counted(event: &Event<'_>) -> bool {
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

/// The rows as gzip; nothing when there are none.
fn packed(rows: &mut Vec<u8>) -> Vec<u8> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(rows).expect("memory does not fail");
    rows.clear();
    encoder.finish().expect("memory does not fail")
}

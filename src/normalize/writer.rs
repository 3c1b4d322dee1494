//! Writers of records. The normalizer is generic over them, so that each has its own fast path.

use std::io::Write;

use serde::Serialize;

use crate::base::error::Error;
use crate::model::event_writer::EventWriter;
use crate::model::line::Record;
use crate::model::record::Origin;
use crate::model::usage_event::UsageEvent;
use crate::stream::lines::LineWriter;

/// Writes the records of one chunk to a buffer. Chunks are written side by side and their buffers
/// joined in the order of the input.
pub trait RecordWriter: Sized {
    /// Whether [`RecordWriter::write_event_fast`] can succeed.
    const SUPPORTS_FAST_PATH: bool;

    /// Writes what precedes all records, for example a header row.
    fn write_header(_output: &mut impl Write) -> Result<(), Error> {
        Ok(())
    }

    /// Appends to what the buffer contains.
    fn new(buffer: Vec<u8>) -> Self;

    /// The buffer.
    fn into_inner(self) -> Result<Vec<u8>, Error>;

    /// Writes a line of any type.
    fn write(&mut self, line: &impl Serialize) -> Result<(), Error>;

    /// Writes a record.
    fn write_record(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.write(record)
    }

    /// Sets the page that the next events of [`RecordWriter::write_event_fast`] are from.
    fn start_page(&mut self, _origin: &Origin<'_>) {}

    /// Writes an event that has no record yet, by its index in the page. Returns false, and writes
    /// nothing, if its record has to be built first.
    fn write_event_fast(&mut self, _event: &UsageEvent<'_, &str>, _index: u32) -> bool {
        false
    }

    /// The length of the output, if [`RecordWriter::rollback`] can return to it.
    fn checkpoint(&mut self) -> Option<usize> {
        None
    }

    /// Removes what was written since a checkpoint.
    fn rollback(&mut self, _checkpoint: usize) {}
}

/// Records as JSON lines.
pub struct JsonRecords {
    lines: LineWriter<Vec<u8>>,
    events: EventWriter,
}

impl RecordWriter for JsonRecords {
    const SUPPORTS_FAST_PATH: bool = true;

    fn new(buffer: Vec<u8>) -> JsonRecords {
        JsonRecords { lines: LineWriter::new(buffer), events: EventWriter::default() }
    }

    fn into_inner(self) -> Result<Vec<u8>, Error> {
        Ok(self.lines.into_inner())
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), Error> {
        self.lines.write(line)
    }

    fn write_record(&mut self, record: &Record<'_>) -> Result<(), Error> {
        match record {
            Record::Event(event) => {
                self.events.write(event, self.lines.get_mut());
                Ok(())
            }
            record => self.write(record),
        }
    }

    fn start_page(&mut self, origin: &Origin<'_>) {
        self.events.start_page(origin);
    }

    fn write_event_fast(&mut self, event: &UsageEvent<'_, &str>, index: u32) -> bool {
        self.events.write_fast(event, index, self.lines.get_mut())
    }

    fn checkpoint(&mut self) -> Option<usize> {
        Some(self.lines.get_mut().len())
    }

    fn rollback(&mut self, checkpoint: usize) {
        self.lines.get_mut().truncate(checkpoint);
    }
}

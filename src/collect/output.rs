//! The output of `fetch`: a stream, a file for each collector, or both.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::base::error::Error;
use crate::stream::lines::LineWriter;
use crate::system::files::{AtomicFile, commit_files};

/// Writes lines to a stream (standard output or the next command), to a file for each collector, or
/// to both.
pub struct Output<W> {
    stream: Option<Mutex<LineWriter<W>>>,
    files: BTreeMap<&'static str, Mutex<LineWriter<AtomicFile>>>,
}

impl<W: Write> Output<W> {
    /// Writes to `stream` and, if there is a folder, to one file for each collector.
    pub fn new(
        stream: Option<W>,
        folder: Option<&Path>,
        collectors: impl Iterator<Item = &'static str>,
    ) -> Result<Output<W>, Error> {
        let mut files = BTreeMap::new();
        if let Some(folder) = folder {
            for collector in collectors {
                let file = AtomicFile::create(&folder.join(format!("{collector}.jsonl")))?;
                files.insert(collector, Mutex::new(LineWriter::new(file)));
            }
        }
        Ok(Output { stream: stream.map(|stream| Mutex::new(LineWriter::new(stream))), files })
    }

    /// Writes a line of a collector. Lines of several threads do not mix.
    pub fn write(&self, collector: &str, line: &impl serde::Serialize) -> Result<(), Error> {
        if let Some(file) = self.files.get(collector) {
            file.lock().unwrap_or_else(PoisonError::into_inner).write(line)?;
        }
        match &self.stream {
            Some(stream) => stream.lock().unwrap_or_else(PoisonError::into_inner).write(line),
            None => Ok(()),
        }
    }

    /// Writes an already serialized line, which includes its line break.
    pub fn write_serialized(&self, collector: &str, line: &[u8]) -> Result<(), Error> {
        if let Some(file) = self.files.get(collector) {
            file.lock().unwrap_or_else(PoisonError::into_inner).write_serialized(line)?;
        }
        match &self.stream {
            Some(stream) => stream.lock().unwrap_or_else(PoisonError::into_inner).write_serialized(line),
            None => Ok(()),
        }
    }

    /// Completes the files and flushes the stream.
    pub fn close(self) -> Result<(), Error> {
        let files = self.files.into_values();
        let files = files.map(|file| file.into_inner().unwrap_or_else(PoisonError::into_inner).into_inner());
        commit_files(files.collect())?;
        match self.stream {
            Some(stream) => stream.into_inner().unwrap_or_else(PoisonError::into_inner).flush(),
            None => Ok(()),
        }
    }
}

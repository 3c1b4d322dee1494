//! Steps of one process, joined by in-memory pipes.

use std::io::{BufReader, BufWriter, Read, Write, pipe};
use std::thread;

use crate::base::error::Error;

/// Buffer size of each end, in bytes: that of a Linux pipe.
const BUFFER_SIZE: usize = 1 << 16;

/// The two ends of a pipe.
pub(super) fn buffered_pipe() -> Result<(BufReader<impl Read>, BufWriter<impl Write>), Error> {
    let (reader, writer) = pipe().map_err(|source| Error::Stream { doing: "create a pipe", source })?;
    Ok((BufReader::with_capacity(BUFFER_SIZE, reader), BufWriter::with_capacity(BUFFER_SIZE, writer)))
}

/// The result of a step that runs in a thread.
pub(super) fn join<T>(thread: thread::ScopedJoinHandle<'_, Result<T, Error>>) -> Result<T, Error> {
    thread.join().unwrap_or_else(|_| Err(Error::Bug("a thread panicked".to_owned())))
}

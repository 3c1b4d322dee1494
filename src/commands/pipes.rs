//! Filters of one process, joined by pipes in memory.

use std::io::{BufReader, BufWriter, Read, Write, pipe};
use std::thread;

use crate::base::error::Error;

/// The two ends of a pipe.
pub(super) fn joined() -> Result<(BufReader<impl Read>, BufWriter<impl Write>), Error> {
    let (reader, writer) = pipe().map_err(|source| Error::Stream { doing: "make a pipe", source })?;
    Ok((BufReader::with_capacity(1 << 16, reader), BufWriter::with_capacity(1 << 16, writer)))
}

/// What a filter came to.
pub(super) fn joined_thread<T>(thread: thread::ScopedJoinHandle<'_, Result<T, Error>>) -> Result<T, Error> {
    thread.join().unwrap_or_else(|_| Err(Error::Bug("a filter stopped by itself".to_owned())))
}

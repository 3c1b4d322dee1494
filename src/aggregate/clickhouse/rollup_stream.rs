//! The answers of a ClickHouse server as one stream of lines.

use std::io::{self, Read};

use ureq::BodyReader;

use super::server::Server;
use super::statements::rollups;
use crate::base::error::Error;

/// Reads the lines of every rollup statement, one statement after the other. A failed request is
/// returned as a [`Error`] inside the `io::Error`.
pub struct RollupStream<'a> {
    server: &'a Server,
    statements: std::array::IntoIter<String, 4>,
    current: Option<BodyReader<'static>>,
}

impl<'a> RollupStream<'a> {
    /// Sends no request before the first read.
    pub fn of(server: &'a Server) -> RollupStream<'a> {
        RollupStream { server, statements: rollups().into_iter(), current: None }
    }
}

impl Read for RollupStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(answer) = &mut self.current {
                match answer.read(buffer) {
                    Ok(0) => self.current = None,
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                        let message = self.server.interrupted(&error);
                        return Err(io::Error::other(Error::Transient(message)));
                    }
                    read => return read,
                }
            }
            let Some(statement) = self.statements.next() else { return Ok(0) };
            self.current = Some(self.server.query(&statement).map_err(io::Error::other)?);
        }
    }
}

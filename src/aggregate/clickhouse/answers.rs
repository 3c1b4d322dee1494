//! What a server answers, as one stream of lines.

use std::io::{self, Read};

use ureq::BodyReader;

use super::server::Server;
use super::statements::rollups;

/// The lines of every statement, one after the other. What goes wrong is told as an [`crate::base::error::Error`] within the
/// error of reading.
pub struct Answers<'a> {
    server: &'a Server,
    statements: std::array::IntoIter<String, 4>,
    current: Option<BodyReader<'static>>,
}

impl<'a> Answers<'a> {
    /// Nothing was asked yet.
    pub fn of(server: &'a Server) -> Answers<'a> {
        Answers { server, statements: rollups().into_iter(), current: None }
    }
}

impl Read for Answers<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(answer) = &mut self.current {
                match answer.read(buffer) {
                    Ok(0) => self.current = None,
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                        let what = self.server.broken_off(&error);
                        return Err(io::Error::other(crate::base::error::Error::Temporary(what)));
                    }
                    read => return read,
                }
            }
            let Some(statement) = self.statements.next() else { return Ok(0) };
            self.current = Some(self.server.ask(&statement).map_err(io::Error::other)?);
        }
    }
}

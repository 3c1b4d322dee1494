//! Asking ClickHouse over its HTTP interface.

use std::io::Read;
use std::thread;
use std::time::Duration;

use ureq::{BodyReader, SendBody};

use super::refusal::{self, Refusal};
use super::statements::{VERSION, VERSION_THERE, bare};
use crate::base::error::Error;
use crate::base::text::in_one_line;
use crate::system::http::Route;
use crate::system::http::{self, Connection};
use crate::system::progress;
use crate::system::settings::Database;

/// How long to wait for an answer, and how often to try again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a whole statement and its answer.
    pub timeout: Duration,
    /// Tries after the first one.
    pub retries: u32,
    /// The wait before the second try; it doubles from try to try.
    pub wait: Duration,
}

/// A ClickHouse that answers.
pub struct Server {
    connection: Connection,
    database: Database,
    patience: Patience,
}

/// Settings of every statement of ours. The result is finished before the first byte of it leaves, so that a statement
/// that fails half-way has no answer rather than half of one; nothing is left to be done later; and no shard is left out.
const OURS: &str = "wait_end_of_query=1&insert_distributed_sync=1&skip_unavailable_shards=0&input_format_skip_unknown_fields=1&output_format_json_quote_64bit_integers=0&output_format_json_escape_forward_slashes=0";

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Server {
    /// A server that was not asked yet.
    pub fn new(database: Database, route: &Route, patience: Patience) -> Result<Server, Error> {
        let connection = Connection::new(route, patience.timeout)?;
        Ok(Server { connection, database, patience })
    }

    /// Fails unless the tables are there, of the version that is read and written, on every shard.
    pub fn check_schema(&self) -> Result<(), Error> {
        let mut versions = String::new();
        let read = self.ask(VERSION_THERE)?.take(1000).read_to_string(&mut versions);
        read.map_err(|error| Error::Temporary(self.broken_off(&error)))?;
        let versions: Vec<&str> = versions.lines().collect();
        match versions.as_slice() {
            [VERSION] => Ok(()),
            [] => Err(refusal::other_schema("they say none")),
            others => {
                Err(refusal::other_schema(&format!("they are {}, and not {VERSION}", others.join(" and "))))
            }
        }
    }

    /// The answer to a statement of ours.
    pub fn ask(&self, statement: &str) -> Result<BodyReader<'static>, Error> {
        self.patiently(|| self.send(&bare(statement).into_bytes(), OURS, None))
    }

    /// The answer to a statement about tables of others, with no setting of ours: a user who may only read cannot change any.
    /// It leaves as it is made, so that one which fails half-way has half an answer.
    pub(super) fn ask_plainly(&self, statement: &str) -> Result<BodyReader<'static>, Error> {
        self.patiently(|| self.send(&bare(statement).into_bytes(), "", None))
    }

    /// Adds rows to a table: JSON lines, packed with gzip. The same rows may be added again.
    pub fn insert(&self, table: &str, rows: &[u8]) -> Result<(), Error> {
        let query = format!("{OURS}&query=INSERT%20INTO%20{table}%20FORMAT%20JSONEachRow");
        let mut answer = self.patiently(|| self.send(rows, &query, Some("gzip")))?;
        std::io::copy(&mut answer, &mut std::io::sink())
            .map(drop)
            .map_err(|error| Error::Temporary(self.broken_off(&error)))
    }

    /// What is said when an answer ends before its end.
    pub(super) fn broken_off(&self, error: &std::io::Error) -> String {
        format!(
            "ClickHouse stopped answering: {}; run it again, nothing counts twice",
            self.clean(&error.to_string())
        )
    }

    fn send(
        &self,
        body: &[u8],
        parameters: &str,
        encoding: Option<&str>,
    ) -> Result<BodyReader<'static>, Refusal> {
        let url = format!("{}/?database={}&{parameters}", self.database.url(), encoded(self.database.name()));
        let mut request = self.connection.agent().post(&url);
        for (name, value) in [
            ("X-ClickHouse-User", self.database.user()),
            ("X-ClickHouse-Key", self.database.password()),
            ("Content-Encoding", encoding),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let mut body = body;
        // Of known length: servers of old do not read a chunked body to its end.
        request = request.header("Content-Length", body.len().to_string());
        let response =
            request.send(SendBody::from_reader(&mut body)).map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let reader = response.into_body().into_reader();
        if status == 200 {
            return Ok(reader);
        }
        let mut text = Vec::new();
        let _ = reader.take(10_000).read_to_end(&mut text);
        Err(refusal::meaning(status, &self.clean(&String::from_utf8_lossy(&text))))
    }

    fn patiently<T>(&self, mut attempt: impl FnMut() -> Result<T, Refusal>) -> Result<T, Error> {
        let mut tries = 0;
        loop {
            let what = match attempt() {
                Ok(answer) => {
                    progress::notice_over();
                    return Ok(answer);
                }
                Err(Refusal::Lasting(error)) => return Err(error),
                Err(Refusal::Passing(what)) => what,
            };
            if tries == self.patience.retries {
                let times = if tries == 0 { String::new() } else { format!(" ({} tries)", tries + 1) };
                return Err(Error::Temporary(format!("{what}{times}; run it again, nothing counts twice")));
            }
            let pause = self.patience.wait.saturating_mul(1 << tries.min(16)).min(LONGEST_WAIT);
            progress::notice_of_retry(&what, tries + 2, self.patience.retries + 1, pause);
            thread::sleep(pause);
            tries += 1;
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> Refusal {
        match self.connection.explain(error) {
            http::Failure::Transient(what) => Refusal::Passing(self.clean(&what)),
            http::Failure::Permanent(what) => Refusal::Lasting(Error::Configuration(self.clean(&what))),
        }
    }

    fn clean(&self, text: &str) -> String {
        in_one_line(&self.database.redact(text))
    }
}

/// A text as it stands in a URL.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

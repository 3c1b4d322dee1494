//! Queries ClickHouse over its HTTP interface.

use std::io::Read;
use std::thread;
use std::time::Duration;

use ureq::{BodyReader, SendBody};

use super::query_error::{self, QueryError};
use super::statements::{SELECT_VERSION, VERSION, strip_comments};
use crate::base::error::Error;
use crate::base::text::{percent_encode, to_single_line};
use crate::system::http::Route;
use crate::system::http::{self, Connection};
use crate::system::log;
use crate::system::settings::Database;

/// Timeout and retries of a request.
#[derive(Clone, Copy, Debug)]
pub struct QueryRetryPolicy {
    /// For one statement and its complete answer.
    pub timeout: Duration,
    /// Retries after a transient error.
    pub retries: u32,
    /// The wait before the first retry; it doubles with each retry.
    pub wait: Duration,
}

/// A ClickHouse server and how to reach it.
pub struct Server {
    connection: Connection,
    database: Database,
    retry: QueryRetryPolicy,
}

/// Settings of every statement about our own tables. `wait_end_of_query` buffers the result, so a
/// statement that fails midway returns an error instead of a truncated result. Inserts are
/// synchronous, and no shard is skipped.
const QUERY_SETTINGS: &str = "wait_end_of_query=1&insert_distributed_sync=1&skip_unavailable_shards=0&input_format_skip_unknown_fields=1&output_format_json_quote_64bit_integers=0&output_format_json_escape_forward_slashes=0";

/// The longest wait between two attempts.
const MAX_WAIT: Duration = Duration::from_secs(60);

impl Server {
    /// Sends no request yet.
    pub fn new(database: Database, route: &Route, retry: QueryRetryPolicy) -> Result<Server, Error> {
        let connection = Connection::new(route, retry.timeout)?;
        Ok(Server { connection, database, retry })
    }

    /// Fails unless every shard has the tables in the version that this program reads and writes.
    pub fn check_schema(&self) -> Result<(), Error> {
        let mut versions = String::new();
        let read = self.query(SELECT_VERSION)?.take(1000).read_to_string(&mut versions);
        read.map_err(|error| Error::Transient(self.interrupted(&error)))?;
        let versions: Vec<&str> = versions.lines().collect();
        match versions.as_slice() {
            [VERSION] => Ok(()),
            [] => Err(query_error::schema_mismatch("no version")),
            others => Err(query_error::schema_mismatch(&format!(
                "version {} instead of {VERSION}",
                others.join(" and ")
            ))),
        }
    }

    /// Runs a statement about our own tables and returns its answer.
    pub fn query(&self, statement: &str) -> Result<BodyReader<'static>, Error> {
        self.with_retry(|| self.send(&strip_comments(statement).into_bytes(), QUERY_SETTINGS, None))
    }

    /// Runs a statement without any setting, which a read-only user may not change, and returns its
    /// answer. The answer is not buffered: a statement that fails midway returns a truncated
    /// answer.
    pub(super) fn query_without_settings(&self, statement: &str) -> Result<BodyReader<'static>, Error> {
        self.with_retry(|| self.send(&strip_comments(statement).into_bytes(), "", None))
    }

    /// Adds rows to a table: JSON lines, compressed with gzip. Adding the same rows again is
    /// harmless.
    pub fn insert(&self, table: &str, rows: &[u8]) -> Result<(), Error> {
        let query = format!("{QUERY_SETTINGS}&query=INSERT%20INTO%20{table}%20FORMAT%20JSONEachRow");
        let mut answer = self.with_retry(|| self.send(rows, &query, Some("gzip")))?;
        std::io::copy(&mut answer, &mut std::io::sink())
            .map(drop)
            .map_err(|error| Error::Transient(self.interrupted(&error)))
    }

    /// The error text for an answer that ends early.
    pub(super) fn interrupted(&self, error: &std::io::Error) -> String {
        format!(
            "the ClickHouse answer was interrupted: {}; run again, nothing counts twice",
            self.clean(&error.to_string())
        )
    }

    fn send(
        &self,
        body: &[u8],
        parameters: &str,
        encoding: Option<&str>,
    ) -> Result<BodyReader<'static>, QueryError> {
        let url = format!(
            "{}/?database={}&{parameters}",
            self.database.url(),
            percent_encode(self.database.name(), "")
        );
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
        // With a known length: old servers do not read a chunked body to its end.
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
        Err(query_error::classify(status, &self.clean(&String::from_utf8_lossy(&text))))
    }

    fn with_retry<T>(&self, mut attempt: impl FnMut() -> Result<T, QueryError>) -> Result<T, Error> {
        let mut tries = 0;
        loop {
            let message = match attempt() {
                Ok(answer) => {
                    log::clear_wait();
                    return Ok(answer);
                }
                Err(QueryError::Permanent(error)) => return Err(error),
                Err(QueryError::Transient(message)) => message,
            };
            if tries == self.retry.retries {
                let times = if tries == 0 { String::new() } else { format!(" ({} attempts)", tries + 1) };
                return Err(Error::Transient(format!("{message}{times}; run again, nothing counts twice")));
            }
            let pause = self.retry.wait.saturating_mul(1 << tries.min(16)).min(MAX_WAIT);
            log::retry(&message, tries + 2, self.retry.retries + 1, pause);
            thread::sleep(pause);
            tries += 1;
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> QueryError {
        match self.connection.explain(error) {
            http::Failure::Transient(message) => QueryError::Transient(self.clean(&message)),
            http::Failure::Permanent(message) => {
                QueryError::Permanent(Error::Configuration(self.clean(&message)))
            }
        }
    }

    fn clean(&self, text: &str) -> String {
        to_single_line(&self.database.redact(text))
    }
}

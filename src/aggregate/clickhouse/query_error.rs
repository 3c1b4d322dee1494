//! Classifies the errors that ClickHouse returns.

use crate::base::error::Error;
use crate::base::text::to_single_line;

/// Why a request failed.
#[derive(Debug)]
pub(super) enum QueryError {
    /// Transient: a retry may help.
    Transient(String),
    /// Permanent, or too slow to fix for a retry.
    Permanent(Error),
}

/// Maximum length of a server message in our errors, in bytes.
const MAX_MESSAGE_LEN: usize = 300;

/// Codes of timeouts, too many queries, network errors, an aborted query, too many parts, memory of
/// all queries, no ClickHouse Keeper, a server that shuts down, and exceptions of the libraries that
/// ClickHouse uses for connections.
const TRANSIENT_CODES: [u32; 28] = [
    3, 32, 74, 75, 76, 95, 99, 101, 102, 159, 160, 198, 202, 203, 209, 210, 225, 236, 241, 242, 252, 279,
    285, 319, 425, 439, 999, 1000,
];

/// Classifies an error response by the code of the ClickHouse exception in its text, else by its
/// HTTP status.
pub(super) fn classify(status: u16, text: &str) -> QueryError {
    use QueryError::{Permanent, Transient};
    let message = server_message(text);
    let is_full = text.contains("No space left") || text.contains("errno: 28");
    match (code(text), status) {
        // Unknown user, wrong or missing password, address not allowed, authentication failed.
        (Some(192..=195 | 516), _) => Permanent(Error::Token(format!(
            "ClickHouse rejects the user or password: {message}; check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"
        ))),
        // Not allowed, read-only.
        (Some(164 | 291 | 497), _) => Permanent(Error::Token(format!(
            "ClickHouse denies access to this user: {message}; grant SELECT, and INSERT to load"
        ))),
        (Some(60 | 81), _) => Permanent(Error::Configuration(format!(
            "a ClickHouse table is missing: {message}; create the tables with \"duo-metrics sql --schema\", and check --clickhouse-database"
        ))),
        // No such column or function, or another type.
        (Some(8 | 10 | 16 | 20 | 46 | 47 | 53), _) => Permanent(schema_mismatch(&message)),
        (Some(241), _) if !text.contains("(total)") => Permanent(Error::Configuration(format!(
            "the memory limit of the ClickHouse user is too low: {message}; raise its max_memory_usage"
        ))),
        (Some(243), _) => Permanent(out_of_space(&message)),
        _ if is_full => Permanent(out_of_space(&message)),
        (Some(code), _) if TRANSIENT_CODES.contains(&code) => {
            Transient(format!("ClickHouse server error: {message}"))
        }
        (None, 401 | 403) => Permanent(Error::Token(format!(
            "ClickHouse or a proxy denies access (HTTP {status}): {message}; check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"
        ))),
        (None, 300..=399 | 404 | 405) => Permanent(Error::Configuration(format!(
            "no ClickHouse server at this URL (HTTP {status}); set CLICKHOUSE_URL to its HTTP interface"
        ))),
        (None, 429 | 500..=599) => Transient(format!("ClickHouse server error (HTTP {status}): {message}")),
        _ => Permanent(Error::Unexpected(format!("unexpected ClickHouse error (HTTP {status}): {message}"))),
    }
}

/// The tables have the schema of another version.
pub(super) fn schema_mismatch(found: &str) -> Error {
    Error::Configuration(format!(
        "the tables in ClickHouse have the schema of another duo-metrics version: {found}; drop them, create them with \"duo-metrics sql --schema\", and load again"
    ))
}

fn out_of_space(message: &str) -> Error {
    Error::Transient(format!(
        "ClickHouse is out of disk space: {message}; free some and run again, nothing counts twice"
    ))
}

/// The code of an exception: `Code: 241. DB::Exception: …`, or `Code: 241, e.displayText() = …` in
/// older versions.
fn code(text: &str) -> Option<u32> {
    let digits = text.split_once("Code: ")?.1;
    digits[..digits.find(|character: char| !character.is_ascii_digit())?].parse().ok()
}

/// The server's message without its prefix and suffix, in one line.
fn server_message(text: &str) -> String {
    let text = text.split(", e.what()").next().unwrap_or_default();
    let text = text.split_once("DB::Exception: ").map_or(text, |(_, message)| message);
    let mut end = text.len().min(MAX_MESSAGE_LEN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    to_single_line(text[..end].trim().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(status: u16, text: &str) -> (u8, String) {
        match classify(status, text) {
            QueryError::Transient(message) => (0, message),
            QueryError::Permanent(error) => (error.code(), error.to_string()),
        }
    }

    #[test]
    fn errors_of_old_and_new_servers_have_the_right_exit_code() {
        for (status, text, code) in [
            (
                401,
                "Code: 193, e.displayText() = DB::Exception: Wrong password for user duo, e.what() = DB::Exception",
                77,
            ),
            (
                403,
                "Code: 516. DB::Exception: duo: Authentication failed. (AUTHENTICATION_FAILED) (version 26.9)",
                77,
            ),
            (
                404,
                "Code: 60, e.displayText() = DB::Exception: Table default.duo_schema doesn't exist., e.what() = x",
                78,
            ),
            (404, "Code: 47. DB::Exception: Unknown expression identifier `size`", 78),
            (
                500,
                "Code: 241, e.displayText() = DB::Exception: Memory limit (for query) exceeded: would use 2",
                78,
            ),
            (500, "Code: 241. DB::Exception: (total) memory limit exceeded: would use 2", 0),
            (500, "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space", 75),
            (
                500,
                "Code: 75, e.displayText() = DB::ErrnoException: Cannot write: errno: 28, strerror: No space left on device",
                75,
            ),
            (500, "Code: 279, e.displayText() = DB::NetException: All connection tries failed", 0),
            (
                500,
                "Code: 1000, e.displayText() = Poco::Exception. Code: 1000, e.code() = 111, Connection refused",
                0,
            ),
            (502, "<html>bad gateway</html>", 0),
            (404, "<html>not here</html>", 78),
            (500, "Code: 49. DB::Exception: Logical error", 1),
        ] {
            assert_eq!(classified(status, text).0, code, "{text}: {}", classified(status, text).1);
        }
        let (_, message) = classified(
            401,
            "Code: 193, e.displayText() = DB::Exception: Wrong password, e.what() = DB::Exception",
        );
        assert!(message.contains("password: Wrong password; check"), "{message}");
    }
}

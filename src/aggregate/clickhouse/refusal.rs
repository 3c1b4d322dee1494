//! What ClickHouse's refusals mean.

use crate::base::error::Error;
use crate::base::text::in_one_line;

/// Why a request was not served.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Trying again can help.
    Passing(String),
    /// It cannot, at least not at once.
    Lasting(Error),
}

/// The longest text of a server that is repeated, in bytes.
const LONGEST_SAYING: usize = 300;

/// Decides what an answer means that is none, by the code of ClickHouse's exception in its text, else by its status.
pub(super) fn meaning(status: u16, text: &str) -> Refusal {
    use Refusal::{Lasting, Passing};
    let said = saying(text);
    let is_full = text.contains("No space left") || text.contains("errno: 28");
    match (code(text), status) {
        // Unknown user, wrong or missing password, address not allowed, authentication failed.
        (Some(192..=195 | 516), _) => Lasting(Error::Token(format!(
            "ClickHouse refuses the user or the password: {said}; check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"
        ))),
        // Not allowed, read-only.
        (Some(164 | 291 | 497), _) => Lasting(Error::Token(format!(
            "ClickHouse refuses this user: {said}; it needs SELECT and, to load, INSERT"
        ))),
        (Some(60 | 81), _) => Lasting(Error::Configuration(format!(
            "ClickHouse lacks a table: {said}; make them with \"duo-metrics sql --schema\", and check --clickhouse-database"
        ))),
        // No such column or function, or another type.
        (Some(8 | 10 | 16 | 20 | 46 | 47 | 53), _) => Lasting(other_schema(&said)),
        (Some(241), _) if !text.contains("(total)") => Lasting(Error::Configuration(format!(
            "ClickHouse may not take as much memory as it needs: {said}; raise max_memory_usage of its user"
        ))),
        (Some(243), _) => Lasting(full(&said)),
        _ if is_full => Lasting(full(&said)),
        // Time, number of queries, network, an aborted query, too many parts, memory of all queries, no keeper, a
        // server that is going down, and what is thrown by the libraries that ClickHouse talks to others with.
        (
            Some(
                3
                | 32
                | 74..=76
                | 95
                | 99
                | 101
                | 102
                | 159
                | 160
                | 198
                | 202
                | 203
                | 209
                | 210
                | 225
                | 236
                | 241
                | 242
                | 252
                | 279
                | 285
                | 319
                | 425
                | 439
                | 999
                | 1000,
            ),
            _,
        ) => Passing(format!("ClickHouse is not well: {said}")),
        (None, 401 | 403) => Lasting(Error::Token(format!(
            "ClickHouse, or what is before it, refuses ({status}): {said}; check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"
        ))),
        (None, 300..=399 | 404 | 405) => Lasting(Error::Configuration(format!(
            "no ClickHouse answers there ({status}); check CLICKHOUSE_URL, which is that of its HTTP interface"
        ))),
        (None, 429 | 500..=599) => Passing(format!("ClickHouse is not well ({status}): {said}")),
        _ => Lasting(Error::Unexpected(format!("ClickHouse refuses ({status}): {said}"))),
    }
}

/// The tables are of another version.
pub(super) fn other_schema(said: &str) -> Error {
    Error::Configuration(format!(
        "the tables in ClickHouse are of another version of duo-metrics: {said}; drop them, make them with \"duo-metrics sql --schema\", and load again"
    ))
}

fn full(said: &str) -> Error {
    Error::Temporary(format!(
        "ClickHouse has no space left: {said}; make room and run it again, nothing counts twice"
    ))
}

/// The number of an exception: `Code: 241. DB::Exception: …`, or `Code: 241, e.displayText() = …` in versions of old.
fn code(text: &str) -> Option<u32> {
    let digits = text.split_once("Code: ")?.1;
    digits[..digits.find(|sign: char| !sign.is_ascii_digit())?].parse().ok()
}

/// What the server says, without what surrounds it.
fn saying(text: &str) -> String {
    let text = text.split(", e.what()").next().unwrap_or_default();
    let text = text.split_once("DB::Exception: ").map_or(text, |(_, said)| said);
    let mut end = text.len().min(LONGEST_SAYING);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    in_one_line(text[..end].trim().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, text: &str) -> (u8, String) {
        match meaning(status, text) {
            Refusal::Passing(what) => (0, what),
            Refusal::Lasting(error) => (error.code(), error.to_string()),
        }
    }

    #[test]
    fn each_refusal_of_either_age_has_its_exit_code() {
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
            assert_eq!(told(status, text).0, code, "{text}: {}", told(status, text).1);
        }
        let (_, said) =
            told(401, "Code: 193, e.displayText() = DB::Exception: Wrong password, e.what() = DB::Exception");
        assert!(said.contains("password: Wrong password; check"), "{said}");
    }
}

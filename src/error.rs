//! What can go wrong, as far as a user can tell it apart, and the exit code of each.

use std::io;
use std::path::{Path, PathBuf};

/// How a command that did its job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing is missing.
    Complete,
    /// The output is valid, and what is missing was named on standard error.
    Partial,
}

/// Why a command could not do its job. Messages are one line: what, where, and the next step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call or a setting is wrong.
    #[error("{0}")]
    Usage(String),
    /// The input is not the documented stream.
    #[error("{0}")]
    Input(String),
    /// There is nothing to collect here: not licensed, or role or add-on missing.
    #[error("{0}")]
    Nothing(String),
    /// Rate limit, network or server, after all retries.
    #[error("{0}")]
    Temporary(String),
    /// The token is missing, invalid, expired or without the scope.
    #[error("{0}")]
    Token(String),
    /// A group, URL or file that was configured is not there or not readable.
    #[error("{0}")]
    Configuration(String),
    /// Reading or writing failed.
    #[error("cannot {doing} {}: {source}", shown(path))]
    File {
        /// What was being done: `read`, `write`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A standard stream failed.
    #[error("cannot {doing}: {source}")]
    Stream {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The reader of standard output went away; not an error for anybody.
    #[error("the reader of standard output went away")]
    ReaderGone,
    /// Something answered in a way that nobody foresaw.
    #[error("{0}")]
    Unexpected(String),
    /// A fault of this program.
    #[error("{0}; this is a bug in duo-metrics, please report it")]
    Bug(String),
}

/// The longest path that Linux takes, in bytes (`PATH_MAX`).
const LONGEST_PATH: usize = 4096;

/// Whether a text that is to be the name of a file can be none, and is rather the content of one, put into a setting by
/// mistake.
pub fn is_no_path(text: &str) -> bool {
    text.len() > LONGEST_PATH
        || text.contains("-----BEGIN")
        || text.chars().any(|c| matches!(c, '\n' | '\r' | '\0'))
}

/// A path as errors name it. What can be none is not repeated: it may be a secret.
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    match is_no_path(&text) {
        true => format!("a file whose name is a text of {} characters (not shown)", text.chars().count()),
        false => text.into_owned(),
    }
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Complete => 0,
            Outcome::Partial => 3,
        }
    }
}

impl Error {
    /// The exit code (the table is in README.md).
    pub fn code(&self) -> u8 {
        match self {
            Error::ReaderGone => 0,
            Error::Bug(_) | Error::Unexpected(_) | Error::Stream { .. } => 1,
            Error::Usage(_) => 2,
            Error::Input(_) => 65,
            Error::Nothing(_) => 69,
            Error::Temporary(_) => 75,
            Error::Token(_) => 77,
            Error::Configuration(_) | Error::File { .. } => 78,
        }
    }

    /// For `map_err` on something done with a file.
    pub fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { doing, path, source }
    }

    /// For `map_err` on reading a stream: standard input, or one of our own that says what went wrong.
    pub fn reading(source: io::Error) -> Error {
        match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) => Error::Stream { doing: "read standard input", source },
        }
    }

    /// For `map_err` on writing to a standard stream: a reader that went away is told apart.
    pub fn writing(source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::BrokenPipe => Error::ReaderGone,
            _ => Error::Stream { doing: "write to standard output", source },
        }
    }
}

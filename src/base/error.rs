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
    #[error("cannot {doing} {}: {source}{}", shown(path), next_step(source))]
    File {
        /// What was being done: `read`, `write`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A standard stream failed.
    #[error("cannot {doing}: {source}{}", next_step(source))]
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
    /// The exit code (the table is in docs/reference.md).
    pub fn code(&self) -> u8 {
        match self {
            Error::ReaderGone => 0,
            Error::Bug(_) | Error::Unexpected(_) => 1,
            Error::Usage(_) => 2,
            Error::Input(_) => 65,
            Error::Nothing(_) => 69,
            Error::Temporary(_) => 75,
            Error::Token(_) => 77,
            Error::Configuration(_) => 78,
            // The same refusal of the system has the same code, whichever file or stream meets it.
            Error::File { source, .. } | Error::Stream { source, .. } => match source.kind() {
                kind if is_full(kind) => 75,
                _ => 78,
            },
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

    /// For `map_err` on writing: to standard output, or to a file of ours, whose errors name it. A reader that went away
    /// is an error of its own.
    pub fn writing(source: io::Error) -> Error {
        match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) if source.kind() == io::ErrorKind::BrokenPipe => Error::ReaderGone,
            Err(source) => Error::Stream { doing: "write to standard output", source },
        }
    }
}

/// Whether there is no room to write, which another machine or a later day may have.
fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What to do about a refusal of the system, where that is known.
fn next_step(source: &io::Error) -> &'static str {
    match source.kind() {
        kind if is_full(kind) => "; free some space, or write to another place",
        io::ErrorKind::PermissionDenied => "; check who may use it, or choose another place",
        io::ErrorKind::ReadOnlyFilesystem => "; choose another place",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_of_what_the_system_refused_and_not_of_where() {
        for (kind, code) in [
            (io::ErrorKind::StorageFull, 75),
            (io::ErrorKind::QuotaExceeded, 75),
            (io::ErrorKind::PermissionDenied, 78),
            (io::ErrorKind::ReadOnlyFilesystem, 78),
            (io::ErrorKind::NotFound, 78),
            (io::ErrorKind::Other, 78),
        ] {
            let file = Error::file("write", "out/a.jsonl");
            let wrapped = io::Error::new(kind, Error::file("write", "out/a.jsonl")(kind.into()));
            for error in [file(kind.into()), Error::writing(kind.into()), Error::reading(kind.into())] {
                assert_eq!(error.code(), code, "{error}");
            }
            let error = Error::writing(wrapped);
            assert!(error.code() == code && error.to_string().contains("out/a.jsonl"), "{error}");
        }
        assert!(matches!(Error::writing(io::ErrorKind::BrokenPipe.into()), Error::ReaderGone));
    }
}

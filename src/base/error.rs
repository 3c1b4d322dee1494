//! Errors as users distinguish them, and their exit codes.

use std::io;
use std::path::{Path, PathBuf};

/// The outcome of a command that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All data is included.
    Complete,
    /// The output is valid but incomplete; standard error lists what is missing.
    Partial,
    /// `check` found something of the severity that fails.
    Findings,
}

/// Why a command failed. A message is one line: what, where, and the next step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag or a setting is invalid.
    #[error("{0}")]
    Usage(String),
    /// The input is not the documented stream.
    #[error("{0}")]
    Input(String),
    /// Nothing can be collected: no license, add-on or role for it.
    #[error("{0}")]
    Unavailable(String),
    /// Rate limit, network or server error that remains after all retries.
    #[error("{0}")]
    Transient(String),
    /// The token is missing, invalid, expired, or lacks a scope.
    #[error("{0}")]
    Token(String),
    /// A configured group, URL or file does not exist or is not readable.
    #[error("{0}")]
    Configuration(String),
    /// A file or folder could not be read or written.
    #[error("cannot {doing} {}: {source}{}", display_path(path), and_next_step(source))]
    File {
        /// The operation: `read`, `write`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A standard stream could not be read or written.
    #[error("cannot {doing}: {source}{}", and_next_step(source))]
    Stream {
        /// The operation.
        doing: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The reader closed standard output, for example `head`. The exit code is 0.
    #[error("the reader closed standard output")]
    BrokenPipe,
    /// An unexpected response.
    #[error("{0}")]
    Unexpected(String),
    /// A bug in this program.
    #[error("{0}; this is a bug in duo-metrics, please report it")]
    Bug(String),
}

/// The maximum length of a path on Linux, in bytes (`PATH_MAX`).
const MAX_PATH_BYTES: usize = 4096;

/// Whether a setting that should be a path is not one, but rather the content of a file.
pub fn is_not_a_path(text: &str) -> bool {
    text.len() > MAX_PATH_BYTES
        || text.contains("-----BEGIN")
        || text.chars().any(|c| matches!(c, '\n' | '\r' | '\0'))
}

/// A path for messages. If it is not a path, it is not repeated: it may be a secret.
pub fn display_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    if is_not_a_path(&text) {
        format!("a path of {} characters (not shown)", text.chars().count())
    } else {
        text.into_owned()
    }
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Complete => 0,
            Outcome::Partial => 3,
            Outcome::Findings => 4,
        }
    }
}

impl Error {
    /// The exit code (the table is in docs/reference.md).
    pub fn code(&self) -> u8 {
        match self {
            Error::BrokenPipe => 0,
            Error::Bug(_) | Error::Unexpected(_) => 1,
            Error::Usage(_) => 2,
            Error::Input(_) => 65,
            Error::Unavailable(_) => 69,
            Error::Transient(_) => 75,
            Error::Token(_) => 77,
            Error::Configuration(_) => 78,
            // The code depends on the error of the operating system, not on the file or stream.
            Error::File { source, .. } | Error::Stream { source, .. } => match source.kind() {
                kind if is_full(kind) => 75,
                _ => 78,
            },
        }
    }

    /// What to do about errors of this kind, if the message does not always have it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::BrokenPipe | Error::Input(_) | Error::Configuration(_) => None,
            Error::Bug(_) | Error::Unexpected(_) => Some("report it with this message"),
            Error::Usage(_) => Some("see \"duo-metrics help\""),
            Error::Unavailable(_) => {
                Some("run \"duo-metrics doctor\", which names the role, tier or add-on that is missing")
            }
            Error::Transient(_) => Some("run the same command again later"),
            Error::Token(_) => Some("renew the token; \"duo-metrics doctor\" checks it"),
            Error::File { source, .. } | Error::Stream { source, .. } => next_step(source),
        }
    }

    /// For `map_err` on operations on a file or folder.
    pub fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { doing, path, source }
    }

    /// For `map_err` on reading a stream: standard input, or a reader whose errors contain an
    /// [`Error`].
    pub fn reading(source: io::Error) -> Error {
        match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) => Error::Stream { doing: "read standard input", source },
        }
    }

    /// For `map_err` on writing: to standard output, or to a writer whose errors contain an
    /// [`Error`].
    pub fn writing(source: io::Error) -> Error {
        match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) if source.kind() == io::ErrorKind::BrokenPipe => Error::BrokenPipe,
            Err(source) => Error::Stream { doing: "write to standard output", source },
        }
    }
}

/// Whether the disk is full, which can be different on another machine or later.
fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What to do about an error of the operating system, if that is known.
fn next_step(source: &io::Error) -> Option<&'static str> {
    match source.kind() {
        kind if is_full(kind) => Some("free some space, or choose another folder"),
        io::ErrorKind::PermissionDenied => Some("check its permissions, or choose another folder"),
        io::ErrorKind::ReadOnlyFilesystem => Some("choose another folder"),
        _ => None,
    }
}

/// The next step as the end of a message.
fn and_next_step(source: &io::Error) -> String {
    next_step(source).map(|step| format!("; {step}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_depends_on_the_error_and_not_on_the_file() {
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
        assert!(matches!(Error::writing(io::ErrorKind::BrokenPipe.into()), Error::BrokenPipe));
    }
}

//! Dead letters: rejected lines and rows with their position, reason and digest.

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::base::error::Error;
use crate::model::record::Row;
use crate::stream::lines::{InputLine, LineWriter};
use crate::system::files::AtomicFile;

/// A rejected line or row, as one line of the dead-letter file.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "rejected")]
pub(crate) struct DeadLetter {
    /// The number of the line, from 1. The workers count from the start of a chunk.
    pub(super) line: u64,
    /// Bytes before the line in the stream.
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<Row>,
    reason: String,
    /// SHA-256 of the rejected text.
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

/// Whether dead letters are kept, and whether they contain the rejected text.
#[derive(Clone, Copy)]
pub(super) struct DeadLetterPolicy {
    is_kept: bool,
    with_content: bool,
}

impl DeadLetterPolicy {
    /// The dead letter of a line, or of a row in it; `None` if dead letters are not kept.
    pub(super) fn dead_letter(
        self,
        line: &InputLine<'_>,
        row: Option<Row>,
        reason: &str,
        content: &[u8],
    ) -> Option<DeadLetter> {
        let digest = || {
            let hash = Sha256::digest(content);
            hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
        };
        self.is_kept.then(|| DeadLetter {
            line: line.number,
            offset: line.offset,
            row,
            reason: reason.to_owned(),
            digest: digest(),
            content: self.with_content.then(|| String::from_utf8_lossy(content).into_owned()),
        })
    }
}

/// The dead-letter file, if there is one.
pub struct DeadLetterFile {
    file: Option<LineWriter<AtomicFile>>,
    with_content: bool,
}

impl DeadLetterFile {
    /// Drops dead letters.
    pub fn none() -> DeadLetterFile {
        DeadLetterFile { file: None, with_content: false }
    }

    /// Writes dead letters to a file, with or without the rejected text, which may contain names.
    pub fn new(file: AtomicFile, with_content: bool) -> DeadLetterFile {
        DeadLetterFile { file: Some(LineWriter::new(file)), with_content }
    }

    pub(super) fn policy(&self) -> DeadLetterPolicy {
        DeadLetterPolicy { is_kept: self.file.is_some(), with_content: self.with_content }
    }

    pub(super) fn write(&mut self, letter: &DeadLetter) -> Result<(), Error> {
        self.file.as_mut().map_or(Ok(()), |file| file.write(letter))
    }

    /// Puts the file in its place.
    pub(super) fn commit(self) -> Result<(), Error> {
        self.file.map_or(Ok(()), |file| file.into_inner().commit())
    }
}

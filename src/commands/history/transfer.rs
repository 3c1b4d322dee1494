//! Moves a history: exports it as one file, and imports such a file.

use std::fs;
use std::io::{BufRead, Write};

use crate::aggregate::history::{
    Content, Exported, Head, History, ReadError, identity_member, read, read_export,
};
use crate::base::error::{Error, Outcome, display_path};
use crate::base::text::format_count;
use crate::system::files::FileChanges;
use crate::system::summary::Summary;

/// Writes the identity of the history and every readable file, one gzip member after the other.
pub(super) fn export(
    history: &History,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let (mut readable, mut outcome) = (Vec::new(), Outcome::Complete);
    for path in history.files()? {
        match read(&path) {
            Ok(_) => readable.push(path),
            Err(reason) => {
                summary.warning(format!("left out {}: {reason}", display_path(&path)));
                outcome = Outcome::Partial;
            }
        }
    }
    let files = readable.len() as u64;
    let identity = history.identity()?;
    if !identity.is_empty() {
        stdout.write_all(&identity_member(identity, files)?).map_err(Error::writing)?;
    }
    for path in &readable {
        let packed = fs::read(path).map_err(Error::file("read", path))?;
        stdout.write_all(&packed).map_err(Error::writing)?;
    }
    stdout.flush().map_err(Error::writing)?;
    summary.message(format!("{} written", format_count(files, "file")));
    summary.field("files", files);
    Ok(outcome)
}

/// Imports each day that is more complete, or as complete and newer, than the one in the history.
/// What follows a damaged part is lost and reported. Renames and removals of this history apply to
/// what is imported.
pub(super) fn import(
    history: &History,
    mut input: impl BufRead,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let _lock = history.lock()?;
    let mut changes = FileChanges::default();
    let (mut found, mut imported, mut outcome) = (0, 0, Outcome::Complete);
    let reading = |source| Error::Stream { doing: "read standard input", source };
    // The export of an empty history is empty, which gzip would take for truncated input.
    let is_empty = input.fill_buf().map_err(reading)?.is_empty();
    let mut identity = history.identity()?;
    let mut announced = 0;
    for part in (!is_empty).then(|| read_export(input)).into_iter().flatten() {
        let renamed = part.and_then(|part| match part {
            Exported::Content(mut content) => {
                for rename in &identity.renames {
                    content.rename(rename)?;
                }
                Ok(Exported::Content(content))
            }
            Exported::Identity(other) => Ok(Exported::Identity(other)),
        });
        let content = match renamed {
            Ok(Exported::Content(content)) => content,
            Ok(Exported::Identity(mut other)) => {
                announced += other.files.unwrap_or(0);
                identity.renames.iter().for_each(|rename| other.rename(rename));
                identity.merge(&other).map_err(|mismatch| history.mismatch_error(&mismatch))?;
                continue;
            }
            // Not damaged; to go on would replace it by what this version can read.
            Err(reason @ ReadError::NewerVersion(_)) => {
                return Err(Error::Configuration(format!("history: {reason}; update duo-metrics")));
            }
            Err(reason) => {
                summary.warning(format!(
                    "after {}: {reason}; the rest is left out",
                    format_count(found, "file")
                ));
                outcome = Outcome::Partial;
                break;
            }
        };
        found += 1;
        let Head { instance, scope, .. } = &content.head;
        if !identity.dropped.contains(&(instance.clone(), scope.clone())) {
            imported += u64::from(write_if_more_complete(history, &content, &mut changes)?);
        }
    }
    changes.apply()?;
    if found < announced && outcome == Outcome::Complete {
        summary.warning(format!("truncated input: {} of {announced} arrived", format_count(found, "file")));
        outcome = Outcome::Partial;
    }
    if !identity.is_empty() {
        history.write_identity(&identity)?;
    }
    summary.message(format!("{} read, {imported} imported", format_count(found, "file")));
    summary.field("files", found);
    summary.field("taken_over", imported);
    Ok(outcome)
}

/// Writes a file unless the one in its place is as complete. Returns whether it was written.
pub(super) fn write_if_more_complete(
    history: &History,
    content: &Content,
    changes: &mut FileChanges,
) -> Result<bool, Error> {
    let Head { instance, collector, scope, day, .. } = &content.head;
    let path = history.path(instance, collector, scope, *day);
    changes.settle(&path)?;
    let existing = read(&path);
    if existing.is_ok_and(|existing| existing.completeness() >= content.completeness()) {
        return Ok(false);
    }
    history.write(content, changes)?;
    Ok(true)
}

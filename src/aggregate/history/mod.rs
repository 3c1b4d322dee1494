//! The history: one file for each collector, scope and day, with its coverage lines, its usage
//! events counted, and its other records. A file is gzip over JSON lines (docs/streams.md): `zcat`
//! shows it, and gzip's checksum detects damage.

mod content;
mod identity;
mod reader;

use std::fs::{self, File};
use std::io::BufRead;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::base::calendar::Day;
use crate::base::error::{Error, display_path};
use crate::model::coverage::{Coverage, Status};
use crate::model::line;
use crate::system::files::{FileChanges, create_folder, make_private, move_file};
use crate::system::lock::FolderLock;
use crate::system::temporary::remove_own_leftovers;
use crate::system::text_file;

pub use content::{Content, CountsLine, Head, PeopleTable, ReadError};
use content::{parse, write_line};
pub use identity::{Identity, KnownInstance, Mismatch, Rename, RunIdentity, RunInstance};
use reader::{export_lines, file_lines, unreadable};

/// The folder of a history.
#[derive(Clone, Debug)]
pub struct History {
    folder: PathBuf,
}

/// The file that identifies the history.
const IDENTITY: &str = "identity.json";

/// Locked while a command changes the history.
const LOCK: &str = "history.lock";

/// The start of the line that identifies an export.
const IDENTITY_START: &str = r#"{"type":"history_identity","#;

/// The start of the first line of every file.
const HEAD_START: &str = r#"{"type":"history","#;

/// The suffix of file names.
const SUFFIX: &str = ".jsonl.gz";

/// The folder for files that cannot be read. It cannot clash with the folder of a collector, whose
/// names never have a dot.
const DAMAGED: &str = ".damaged";

/// Days after the end of a day during which late events may arrive.
pub const LATE_EVENT_DAYS: i64 = 7;

impl History {
    /// Opens the history in a folder; creates the folder if it is missing.
    pub fn open(folder: &Path) -> Result<History, Error> {
        create_folder(folder)?;
        Ok(History { folder: folder.to_owned() })
    }

    /// Opens the history in an existing folder.
    pub fn open_existing(folder: &Path) -> Result<History, Error> {
        if !folder.is_dir() {
            return Err(Error::Configuration(format!(
                "no history folder {}; check --history",
                display_path(folder)
            )));
        }
        Ok(History { folder: folder.to_owned() })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Locks the history. A command that changes it holds the lock from the first read to the last write,
    /// so that newer data is never replaced by older. Also removes what killed processes left, and
    /// the permissions that earlier releases gave to others.
    ///
    /// # Errors
    /// [`Error::Transient`] while another process holds the lock.
    pub fn lock(&self) -> Result<FolderLock, Error> {
        let lock = FolderLock::acquire(&self.folder, LOCK, "repeat this when it has ended")?;
        remove_own_leftovers(&self.folder);
        for folder in self.folders()? {
            remove_own_leftovers(&folder);
        }
        for path in self.files()?.iter().chain(&self.damaged_files()?) {
            make_private(path);
        }
        Ok(lock)
    }

    /// The files, in a fixed order. Symbolic links are not followed.
    pub fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for folder in self.folders()? {
            if !folder.ends_with(DAMAGED) {
                files.extend(list_folder(&folder)?.into_iter().filter(|path| is_history_file(path)));
            }
        }
        files.sort();
        Ok(files)
    }

    /// The files that were moved aside because they were damaged, in a fixed order.
    pub fn damaged_files(&self) -> Result<Vec<PathBuf>, Error> {
        let folder = self.folder.join(DAMAGED);
        if !is_folder(&folder) {
            return Ok(Vec::new());
        }
        let mut files = list_folder(&folder)?;
        files.retain(|path| !is_folder(path));
        files.sort();
        Ok(files)
    }

    /// Files in the folder of the history that are not part of it, in a fixed order.
    pub fn other_files(&self) -> Result<Vec<PathBuf>, Error> {
        let is_own = |path: &PathBuf| {
            is_folder(path)
                || is_history_file(path)
                || [IDENTITY, LOCK].iter().any(|name| path.ends_with(name))
        };
        let mut files = list_folder(&self.folder)?;
        for folder in self.folders()? {
            if !folder.ends_with(DAMAGED) {
                files.extend(list_folder(&folder)?);
            }
        }
        files.retain(|path| !is_own(path) || (is_history_file(path) && path.parent() == Some(&self.folder)));
        files.sort();
        Ok(files)
    }

    fn folders(&self) -> Result<Vec<PathBuf>, Error> {
        let mut folders = list_folder(&self.folder)?;
        folders.retain(|path| is_folder(path));
        Ok(folders)
    }

    /// The identity of the history. If an earlier release wrote the history, it is derived from the
    /// files.
    pub fn identity(&self) -> Result<Identity, Error> {
        self.stored_identity()?.map_or_else(|| self.identity_of_files(), Ok)
    }

    /// The stored identity; `None` if no run has stored one.
    pub fn stored_identity(&self) -> Result<Option<Identity>, Error> {
        let path = self.folder.join(IDENTITY);
        if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let text = text_file::read_bytes(&path)?;
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            Error::Configuration(format!(
                "{} is damaged at column {}; remove it, and the next run recreates it from the history files",
                path.display(),
                error.column()
            ))
        })
    }

    fn identity_of_files(&self) -> Result<Identity, Error> {
        let heads: Vec<Head> = self.files()?.iter().filter_map(|path| read_head(path).ok()).collect();
        Ok(Identity::of_files(heads.iter()))
    }

    /// Stores the identity.
    pub fn write_identity(&self, identity: &Identity) -> Result<(), Error> {
        let path = self.folder.join(IDENTITY);
        let mut text = serde_json::to_vec(identity)
            .map_err(|error| Error::Bug(format!("cannot build {IDENTITY}: {error}")))?;
        text.push(b'\n');
        let mut changes = FileChanges::default();
        changes.write(&path, &text)?;
        changes.apply()
    }

    /// The error for a run that does not belong to this history.
    pub fn mismatch_error(&self, mismatch: &Mismatch) -> Error {
        Error::Configuration(format!("history {}: {mismatch}", self.folder.display()))
    }

    /// The path of the file of a target.
    pub fn path(&self, instance: &str, collector: &str, scope: &str, day: Day) -> PathBuf {
        let digest = Sha256::digest(format!("{instance}\n{collector}\n{scope}").as_bytes());
        let digest = digest[..8].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        // A stream can contain any collector name, even an empty one. The digest distinguishes
        // collectors that share a folder.
        let is_safe = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let folder: String = collector.chars().map(|c| if is_safe(c) { c } else { '-' }).collect();
        let folder = if folder.is_empty() { "-" } else { folder.as_str() };
        self.folder.join(folder).join(format!("{day}-{digest}{SUFFIX}"))
    }

    /// Writes a file, unless an equal one exists. Returns its path.
    pub fn write(&self, content: &Content, changes: &mut FileChanges) -> Result<PathBuf, Error> {
        let Head { instance, collector, scope, day, .. } = &content.head;
        let path = self.path(instance, collector, scope, *day);
        write_to(&path, content, changes)?;
        Ok(path)
    }

    /// Moves a file to the folder of damaged files. Returns its new path.
    pub fn move_aside(&self, path: &Path) -> Result<PathBuf, Error> {
        let name =
            path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy().replace(['/', '\\'], "-");
        let aside = self.folder.join(DAMAGED).join(name);
        move_file(path, &aside)?;
        Ok(aside)
    }

    /// The coverage lines of final days: complete, and fetched after late events have arrived. They
    /// need not be collected again.
    pub fn final_days(&self, late_days: i64) -> Result<Vec<Coverage>, Error> {
        let mut days = Vec::new();
        for path in self.files()? {
            // `aggregate` reads every file and reports those that cannot be read; here they are
            // skipped.
            let Ok(lines) = read_lines(&path) else { continue };
            let coverage =
                lines.map_while(Result::ok).skip(1).map_while(|line| line::parse::<Coverage>(&line).ok());
            let is_final = |line: &Coverage| {
                let settled = line.day.plus(1 + late_days).midnight();
                line.status == Status::Complete && line.fetched_at.is_some_and(|at| at >= settled)
            };
            days.extend(coverage.filter(is_final).max_by_key(|line| line.fetched_at));
        }
        Ok(days)
    }
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Content, ReadError> {
    parse(read_lines(path)?)
}

/// The first line of a file.
fn read_head(path: &Path) -> Result<Head, ReadError> {
    let first = read_lines(path)?.next().ok_or("it is empty")??;
    Ok(line::parse(&first)?)
}

fn read_lines(path: &Path) -> Result<impl Iterator<Item = Result<String, ReadError>>, ReadError> {
    Ok(file_lines(File::open(path).map_err(unreadable)?))
}

/// Writes a file to a path, unless an equal one exists.
pub fn write_to(path: &Path, content: &Content, changes: &mut FileChanges) -> Result<(), Error> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::new(6));
    content.write_to(&mut packer)?;
    changes.write(path, &packer.finish().map_err(Error::file("write", path))?)
}

/// The day that the name of a file contains; also of a damaged one, whose name begins with its
/// collector.
pub fn day_of(path: &Path) -> Option<Day> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    let (day, _digest) = name.rsplit_once('-')?;
    day.get(day.len().checked_sub("2026-01-01".len())?..)?.parse().ok()
}

fn is_history_file(path: &Path) -> bool {
    path.to_string_lossy().ends_with(SUFFIX) && path.symlink_metadata().is_ok_and(|found| found.is_file())
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

fn list_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    entries.map(|entry| Ok(entry.map_err(Error::file("read", folder))?.path())).collect()
}

/// A part of an export.
#[derive(Debug)]
pub enum Exported {
    /// The identity of the history.
    Identity(Identity),
    /// The content of a file.
    Content(Content),
}

/// The first gzip member of an export: the identity and the number of files that follow.
pub fn identity_member(identity: Identity, files: u64) -> Result<Vec<u8>, Error> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::new(6));
    write_line(&mut packer, &Identity { files: Some(files), ..identity })?;
    packer.finish().map_err(Error::writing)
}

/// Reads an export: concatenated files, and the identity of the history. Ends after the first part
/// that cannot be read.
pub fn read_export(input: impl BufRead) -> impl Iterator<Item = Result<Exported, ReadError>> {
    let mut lines = export_lines(input).peekable();
    let mut has_failed = false;
    std::iter::from_fn(move || {
        if has_failed {
            return None;
        }
        let first = lines.next()?;
        let starts_with =
            |line: &Result<String, ReadError>, with| line.as_ref().is_ok_and(|line| line.starts_with(with));
        let part = if starts_with(&first, IDENTITY_START) {
            first.and_then(|line| Ok(line::parse(&line)?)).map(Exported::Identity)
        } else {
            let is_of_file = |line: &Result<String, ReadError>| {
                !starts_with(line, HEAD_START) && !starts_with(line, IDENTITY_START)
            };
            let rest = std::iter::from_fn(|| lines.next_if(is_of_file));
            parse(std::iter::once(first).chain(rest)).map(Exported::Content)
        };
        has_failed = part.is_err();
        Some(part)
    })
}

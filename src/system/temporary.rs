//! Temporary files and folders: hidden next to what they become, and removed whatever happens.
//!
//! A file that is dropped is removed. A signal that ends the process removes all of them first. A
//! process that is killed leaves them; the next one that writes to the folder removes them, which
//! it recognizes by the lock that a living process holds on each.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, NamedTempFile, TempDir, TempPath};

/// The prefix of temporary files and folders.
const PREFIX: &str = ".duo-metrics-tmp-";

/// The prefixes that earlier releases used.
const EARLIER_PREFIXES: [&str; 2] = [".duo-metrics-new-", ".duo-metrics-old-"];

/// The prefix that earlier releases used for files. Other files may begin like this, so it counts
/// only in folders of this program.
const EARLIER_FILE_PREFIX: &str = ".duo-metrics-";

/// Who can read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only its owner: it can contain names.
    Private,
    /// Everyone whom the umask allows.
    Public,
}

/// What exists now. [`remove_all`] keeps it locked, so that nothing is created after that.
static EXISTING: Mutex<Existing> = Mutex::new(Existing { paths: BTreeSet::new(), swept: BTreeSet::new() });

struct Existing {
    paths: BTreeSet<PathBuf>,
    /// Folders from which leftovers were removed.
    swept: BTreeSet<PathBuf>,
}

/// A file without a final name.
pub(super) struct TemporaryFile {
    path: Option<TempPath>,
    /// Keeps the lock that shows that this process lives.
    file: File,
}

/// A folder without a final name.
pub(super) struct TemporaryFolder {
    folder: Option<TempDir>,
    _lock: Option<File>,
}

impl TemporaryFile {
    /// Creates a file in a folder.
    pub(super) fn create(folder: &Path, access: Access) -> io::Result<TemporaryFile> {
        remove_leftovers(folder);
        loop {
            let mut existing = existing();
            let mut builder = Builder::new();
            builder.prefix(PREFIX);
            let file = with_mode(&mut builder, access, 0o666).tempfile_in(folder).map_err(without_path)?;
            let (file, path): (File, TempPath) = NamedTempFile::into_parts(file);
            existing.paths.insert(path.to_path_buf());
            let created = TemporaryFile { path: Some(path), file };
            drop(existing);
            // Another process may have taken the file for a leftover before it was locked.
            let _ = created.file.try_lock_shared();
            if is_linked(&created.file) {
                return Ok(created);
            }
        }
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Moves the file to its final path, in place of what is there.
    pub(super) fn rename(&mut self, path: &Path) -> io::Result<()> {
        let mut existing = existing();
        fs::rename(self.path(), path)?;
        existing.paths.remove(self.path());
        self.path = None;
        Ok(())
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        let mut existing = existing();
        existing.paths.remove(&*path);
        drop(path);
    }
}

impl TemporaryFolder {
    /// Creates a folder in another.
    pub(super) fn create(parent: &Path) -> io::Result<TemporaryFolder> {
        remove_leftovers(parent);
        loop {
            let mut existing = existing();
            let mut builder = Builder::new();
            builder.prefix(PREFIX);
            let folder =
                with_mode(&mut builder, Access::Public, 0o777).tempdir_in(parent).map_err(without_path)?;
            existing.paths.insert(folder.path().to_owned());
            let lock = File::open(folder.path()).ok();
            let created = TemporaryFolder { folder: Some(folder), _lock: lock };
            drop(existing);
            let is_alone = created._lock.as_ref().is_none_or(|lock| {
                let _ = lock.try_lock_shared();
                is_linked(lock)
            });
            if is_alone {
                return Ok(created);
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), TempDir::path)
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        let mut existing = existing();
        existing.paths.remove(folder.path());
        drop(folder);
    }
}

fn existing() -> MutexGuard<'static, Existing> {
    EXISTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what exists, before the process ends by a signal. Nothing is created or moved after that.
#[cfg(unix)]
pub(super) fn remove_all() {
    let existing = existing();
    for path in &existing.paths {
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
    std::mem::forget(existing);
}

/// Removes what killed processes left in a folder, once per process. Fails silently: leftovers harm
/// nobody.
fn remove_leftovers(folder: &Path) {
    if existing().swept.insert(folder.to_owned()) {
        remove_matching(folder, |name| {
            name.starts_with(PREFIX) || EARLIER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        });
    }
}

/// [`remove_leftovers`] for a folder in which all files are of this program.
pub(crate) fn remove_own_leftovers(folder: &Path) {
    remove_matching(folder, |name| name.starts_with(EARLIER_FILE_PREFIX));
}

fn remove_matching(folder: &Path, is_leftover: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(&is_leftover);
        // A symbolic link is neither file nor folder here.
        let Ok(kind) = entry.file_type() else { continue };
        if !is_ours || !(kind.is_file() || kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        let is_abandoned = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if is_abandoned {
            let _ = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

/// Removes the temporary path that `tempfile` adds to errors, which is meaningless to a user.
fn without_path(error: io::Error) -> io::Error {
    error.kind().into()
}

#[cfg(unix)]
fn with_mode<'b, 'a>(builder: &'b mut Builder<'a, 'a>, access: Access, mode: u32) -> &'b mut Builder<'a, 'a> {
    use std::os::unix::fs::PermissionsExt;
    if access == Access::Public {
        // The system removes what the umask forbids.
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    builder
}

#[cfg(not(unix))]
fn with_mode<'b, 'a>(builder: &'b mut Builder<'a, 'a>, _: Access, _: u32) -> &'b mut Builder<'a, 'a> {
    builder
}

/// Whether a file or folder still has a name.
#[cfg(unix)]
fn is_linked(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|found| found.nlink() > 0)
}

#[cfg(not(unix))]
fn is_linked(_: &File) -> bool {
    true
}

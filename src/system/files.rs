//! Files and folders that appear complete or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir, TempPath};

use crate::base::error::{Error, display_path};

/// A file that appears at its path only on commit. If it is dropped before that, nothing remains.
///
/// Write errors contain an [`Error`] with the final path inside the [`io::Error`]; see
/// [`Error::writing`].
pub struct AtomicFile {
    file: BufWriter<File>,
    temporary: TempPath,
    path: PathBuf,
}

impl AtomicFile {
    /// Creates a temporary file next to the final path, and the folder if it is missing.
    pub fn create(path: &Path) -> Result<AtomicFile, Error> {
        let path = &match path.canonicalize() {
            Ok(real) if real.is_file() => real,
            Ok(_) => {
                return Err(Error::Configuration(format!(
                    "{} is not a regular file, so it is not replaced; choose another path",
                    display_path(path)
                )));
            }
            Err(_) => path.to_owned(),
        };
        let folder = folder_of(path);
        fs::create_dir_all(folder).map_err(Error::file("create the folder", folder))?;
        let file = NamedTempFile::with_prefix_in(".duo-metrics-", folder).map_err(without_path);
        let (file, temporary) = file.map_err(Error::file("write in", folder))?.into_parts();
        Ok(AtomicFile { file: BufWriter::with_capacity(1 << 16, file), temporary, path: path.to_owned() })
    }

    /// Moves the file to its final path.
    pub fn commit(self) -> Result<(), Error> {
        let path = self.path.clone();
        self.commit_private()?;
        make_readable(&path).map_err(Error::file("write", &path))
    }

    /// Moves the file to its final path. Only its owner can read it.
    pub fn commit_private(self) -> Result<(), Error> {
        let AtomicFile { file, temporary, path } = self;
        file.into_inner().map_err(|error| Error::file("write", &path)(error.into_error()))?;
        temporary.persist(&path).map_err(|error| Error::file("write", &path)(error.error))
    }

    fn error(&self, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), Error::file("write", &self.path)(source))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|source| self.error(source))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|source| self.error(source))
    }
}

/// Removes the temporary path that `tempfile` adds to errors, which is meaningless to a user.
fn without_path(error: io::Error) -> io::Error {
    error.kind().into()
}

/// Standard output. Unlike [`io::stdout`], it returns an error for a closed descriptor, and is not
/// buffered.
#[cfg(unix)]
pub fn standard_output() -> Result<impl Write, Error> {
    use std::os::fd::AsFd;
    io::stdout().as_fd().try_clone_to_owned().map(File::from).map_err(Error::writing)
}

/// Standard output.
#[cfg(not(unix))]
pub fn standard_output() -> Result<impl Write, Error> {
    Ok(io::stdout())
}

/// Writes several files. All are complete before the first one appears.
pub fn write_files<'a>(files: impl IntoIterator<Item = (PathBuf, &'a [u8])>) -> Result<(), Error> {
    let mut ready = Vec::new();
    for (path, content) in files {
        let mut file = AtomicFile::create(&path)?;
        file.write_all(content).map_err(Error::writing)?;
        ready.push(file);
    }
    ready.into_iter().try_for_each(AtomicFile::commit)
}

/// Writes a file.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_files([(path.to_owned(), content)])
}

/// Fails if the path exists and is neither an empty folder nor one that contains `marker`, a
/// file that every site has.
pub fn check_replaceable(path: &Path, marker: &str) -> Result<(), Error> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    let is_ours = found.is_dir()
        && (path.join(marker).is_file()
            || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()));
    if is_ours {
        return Ok(());
    }
    Err(Error::Configuration(format!(
        "{} exists and contains no {marker}, so it is not replaced; move it away, or choose another --site",
        display_path(path)
    )))
}

/// Resolves the symbolic links of the part of a path that exists.
fn resolve(path: &Path) -> Result<PathBuf, Error> {
    let path = std::path::absolute(path).map_err(Error::file("find", path))?;
    let mut missing = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(resolved) = ancestor.canonicalize() {
            return Ok(missing.iter().rev().fold(resolved, |path, name| path.join(name)));
        }
        match ancestor.file_name() {
            Some(name) => missing.push(name.to_owned()),
            None => break,
        }
    }
    Err(Error::Configuration(format!(
        "{} is in a folder that does not exist; check the path",
        display_path(&path)
    )))
}

/// Fails if a file would be inside a site: in or below `site`, which need not exist, or a folder
/// that contains one of `markers`.
pub fn check_outside_site(path: &Path, site: &Path, markers: &[PathBuf]) -> Result<(), Error> {
    let (file, site) = (resolve(path)?, resolve(site)?);
    let is_site =
        |folder: &&Path| **folder == site || markers.iter().any(|marker| folder.join(marker).is_file());
    match file.ancestors().skip(1).find(is_site) {
        None => Ok(()),
        Some(folder) => Err(Error::Configuration(format!(
            "{} is in the site {}, which others can read; choose a path outside of it",
            display_path(path),
            display_path(folder)
        ))),
    }
}

/// Fails if a folder is not writable. Creates it if it is missing.
pub fn check_writable(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::file("create the folder", folder))?;
    tempfile::Builder::new()
        .prefix(".duo-metrics-")
        .tempfile_in(folder)
        .map_err(without_path)
        .map_err(Error::file("write in", folder))?;
    Ok(())
}

/// A folder that appears at its path only on commit. If it is dropped before that, nothing
/// remains.
pub struct AtomicFolder {
    folder: TempDir,
    path: PathBuf,
}

impl AtomicFolder {
    /// Writes the files to a temporary folder next to the final path.
    pub fn create<'a>(
        path: &Path,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<AtomicFolder, Error> {
        let parent = folder_of(path);
        fs::create_dir_all(parent).map_err(Error::file("create the folder", parent))?;
        let folder = temporary_folder(path, ".duo-metrics-new-")?;
        for (name, content) in files {
            // Errors contain the final path: the temporary folder is deleted by the time they
            // are read.
            let (file, final_path) = (folder.path().join(name), path.join(name));
            fs::write(&file, content).map_err(Error::file("write", &final_path))?;
            make_readable(&file).map_err(Error::file("write", &final_path))?;
        }
        make_readable(folder.path()).map_err(Error::file("write", path))?;
        Ok(AtomicFolder { folder, path: path.to_owned() })
    }

    /// Moves the folder to its final path, and returns that path. On Linux, the exchange with an
    /// existing folder is atomic; on other systems, neither exists for a moment.
    pub fn commit(self) -> Result<PathBuf, Error> {
        let AtomicFolder { folder, path } = self;
        if path.symlink_metadata().is_err() {
            fs::rename(folder.path(), &path).map_err(Error::file("write", &path))?;
        } else if exchange(folder.path(), &path).is_err() {
            let old = temporary_folder(&path, ".duo-metrics-old-")?;
            let backup = old.path().join("site");
            fs::rename(&path, &backup).map_err(Error::file("replace", &path))?;
            if let Err(source) = fs::rename(folder.path(), &path) {
                fs::rename(&backup, &path).map_err(Error::file("restore", &path))?;
                return Err(Error::File { doing: "replace", path, source });
            }
        }
        Ok(path)
    }
}

fn temporary_folder(path: &Path, prefix: &str) -> Result<TempDir, Error> {
    let parent = folder_of(path);
    let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent);
    folder.map_err(without_path).map_err(Error::file("write in", parent))
}

/// Exchanges two folders atomically.
#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Temporary files are readable only by their owner; committed ones by everyone with access to the
/// folder.
#[cfg(unix)]
fn make_readable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = if path.is_dir() { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn make_readable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/file.jsonl");
        let mut file = AtomicFile::create(&path).expect("a file");
        file.write_all(b"half").expect("written");
        drop(file);
        assert_eq!(fs::read_dir(folder.path().join("deep")).expect("the folder").count(), 0);
        write_file(&path, b"whole").expect("written");
        assert_eq!(fs::read(&path).expect("the file"), b"whole");
    }

    #[test]
    fn replaces_a_folder_and_leaves_no_temporary_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = folder.path().join("site");
        for name in ["one.html", "two.html"] {
            let folder = AtomicFolder::create(&site, [(name, b"x".as_slice())]).expect("written");
            assert!(!site.join(name).exists(), "not committed yet");
            assert_eq!(folder.commit().expect("replaced"), site);
        }
        assert!(
            check_replaceable(&site, "two.html").is_ok()
                && check_replaceable(&folder.path().join("none"), "x").is_ok()
        );
        assert!(
            check_replaceable(&site, "dashboard.json").is_err()
                && check_replaceable(&site.join("two.html"), "x").is_err()
        );
        let names = |path: &Path| -> Vec<_> {
            fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect()
        };
        assert_eq!(names(&site), ["two.html"]);
        assert_eq!(names(folder.path()), ["site"]);
    }
}

//! Files and folders that appear complete or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir, TempPath};

use crate::base::error::{Error, shown};

/// A file that takes its place only when it is kept; dropped before that, it was never there.
///
/// What goes wrong in writing it is an [`Error`] within the [`io::Error`], with the place it is meant for: see
/// [`Error::writing`].
pub struct NewFile {
    file: BufWriter<File>,
    temporary: TempPath,
    path: PathBuf,
}

impl NewFile {
    /// Starts a file beside the place it is meant for. The folder is made when it is missing.
    pub fn create(path: &Path) -> Result<NewFile, Error> {
        let path = &match path.canonicalize() {
            Ok(real) if real.is_file() => real,
            Ok(_) => {
                return Err(Error::Configuration(format!(
                    "{} is not a regular file, and is not replaced by one",
                    shown(path)
                )));
            }
            Err(_) => path.to_owned(),
        };
        let folder = folder_of(path);
        fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        let file = NamedTempFile::with_prefix_in(".duo-metrics-", folder).map_err(unnamed);
        let (file, temporary) = file.map_err(Error::file("write in", folder))?.into_parts();
        Ok(NewFile { file: BufWriter::with_capacity(1 << 16, file), temporary, path: path.to_owned() })
    }

    /// Puts the file in its place.
    pub fn keep(self) -> Result<(), Error> {
        let path = self.path.clone();
        self.keep_private()?;
        make_readable(&path).map_err(Error::file("write", &path))
    }

    /// Puts the file in its place, for nobody but its owner to read.
    pub fn keep_private(self) -> Result<(), Error> {
        let NewFile { file, temporary, path } = self;
        file.into_inner().map_err(|error| Error::file("write", &path)(error.into_error()))?;
        temporary.persist(&path).map_err(|error| Error::file("write", &path)(error.error))
    }

    fn fault(&self, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), Error::file("write", &self.path)(source))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|source| self.fault(source))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|source| self.fault(source))
    }
}

/// The error without the temporary name that `tempfile` adds to it, which means nothing to a user.
fn unnamed(error: io::Error) -> io::Error {
    error.kind().into()
}

/// Standard output. Unlike [`io::stdout`] it does not take a descriptor that cannot be written to for one that takes
/// everything, and leaves buffering to the caller.
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

/// Writes whole files: all of them before the first one takes its place.
pub fn write_files<'a>(files: impl IntoIterator<Item = (PathBuf, &'a [u8])>) -> Result<(), Error> {
    let mut ready = Vec::new();
    for (path, content) in files {
        let mut file = NewFile::create(&path)?;
        file.write_all(content).map_err(Error::writing)?;
        ready.push(file);
    }
    ready.into_iter().try_for_each(NewFile::keep)
}

/// Writes a whole file at once.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    write_files([(path.to_owned(), content)])
}

/// Fails when a folder is there that is not of ours: an empty one or one with this file in it is.
pub fn check_replaceable(path: &Path, mark: &str) -> Result<(), Error> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    let is_ours = found.is_dir()
        && (path.join(mark).is_file()
            || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()));
    match is_ours {
        true => Ok(()),
        false => Err(Error::Configuration(format!(
            "{} is there and holds no {mark}, so it is not replaced; move it away, or choose another --site",
            shown(path)
        ))),
    }
}

/// Where a path leads, whether it is there or not: as much of it as is there without links.
fn real(path: &Path) -> Result<PathBuf, Error> {
    let path = std::path::absolute(path).map_err(Error::file("find", path))?;
    let mut missing = Vec::new();
    for there in path.ancestors() {
        if let Ok(real) = there.canonicalize() {
            return Ok(missing.iter().rev().fold(real, |path, name| path.join(name)));
        }
        match there.file_name() {
            Some(name) => missing.push(name.to_owned()),
            None => break,
        }
    }
    Err(Error::Configuration(format!("{} leads through a folder that is not there", shown(&path))))
}

/// Fails when a file would lie in a site: in this folder, whether it is there or not, in one that holds one of these
/// marks, or below.
pub fn check_outside_site(path: &Path, site: &Path, marks: &[PathBuf]) -> Result<(), Error> {
    let (file, site) = (real(path)?, real(site)?);
    let is_site = |folder: &&Path| **folder == site || marks.iter().any(|mark| folder.join(mark).is_file());
    match file.ancestors().skip(1).find(is_site) {
        None => Ok(()),
        Some(folder) => Err(Error::Configuration(format!(
            "{} lies in the site {}, which others can read; choose a place outside of it",
            shown(path),
            shown(folder)
        ))),
    }
}

/// Fails when nothing can be written in a folder, which is made when it is missing.
pub fn check_writable(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
    tempfile::Builder::new()
        .prefix(".duo-metrics-")
        .tempfile_in(folder)
        .map_err(unnamed)
        .map_err(Error::file("write in", folder))?;
    Ok(())
}

/// A folder with these files and nothing else, which takes its place only when it is kept; dropped before that, it was
/// never there.
pub struct NewFolder {
    folder: TempDir,
    path: PathBuf,
}

impl NewFolder {
    /// Writes the files beside the place they are meant for.
    pub fn create<'a>(
        path: &Path,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<NewFolder, Error> {
        let parent = folder_of(path);
        fs::create_dir_all(parent).map_err(Error::file("make the folder", parent))?;
        let folder = beside(path, ".duo-metrics-new-")?;
        for (name, content) in files {
            // An error names the file by the place it is meant for: the folder it is in until then is gone by then.
            let (file, place) = (folder.path().join(name), path.join(name));
            fs::write(&file, content).map_err(Error::file("write", &place))?;
            make_readable(&file).map_err(Error::file("write", &place))?;
        }
        make_readable(folder.path()).map_err(Error::file("write", path))?;
        Ok(NewFolder { folder, path: path.to_owned() })
    }

    /// Puts it in its place, and says which that is. There is the old folder or the new one at any moment, where the
    /// system can exchange two folders; else for a moment neither.
    pub fn keep(self) -> Result<PathBuf, Error> {
        let NewFolder { folder, path } = self;
        if path.symlink_metadata().is_err() {
            fs::rename(folder.path(), &path).map_err(Error::file("write", &path))?;
        } else if exchange(folder.path(), &path).is_err() {
            let old = beside(&path, ".duo-metrics-old-")?;
            let aside = old.path().join("site");
            fs::rename(&path, &aside).map_err(Error::file("replace", &path))?;
            if let Err(source) = fs::rename(folder.path(), &path) {
                fs::rename(&aside, &path).map_err(Error::file("put back", &path))?;
                return Err(Error::File { doing: "replace", path, source });
            }
        }
        Ok(path)
    }
}

fn beside(path: &Path, prefix: &str) -> Result<TempDir, Error> {
    let parent = folder_of(path);
    let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent);
    folder.map_err(unnamed).map_err(Error::file("write in", parent))
}

/// Exchanges two folders at once.
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

/// Temporary files are for their owner alone; what is kept is for whoever the folder is for.
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
    fn a_file_that_is_not_kept_was_never_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/file.jsonl");
        let mut file = NewFile::create(&path).expect("a file");
        file.write_all(b"half").expect("written");
        drop(file);
        assert_eq!(fs::read_dir(folder.path().join("deep")).expect("the folder").count(), 0);
        write_file(&path, b"whole").expect("written");
        assert_eq!(fs::read(&path).expect("the file"), b"whole");
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = folder.path().join("site");
        for name in ["one.html", "two.html"] {
            let folder = NewFolder::create(&site, [(name, b"x".as_slice())]).expect("written");
            assert!(!site.join(name).exists(), "it waits to be kept");
            assert_eq!(folder.keep().expect("replaced"), site);
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

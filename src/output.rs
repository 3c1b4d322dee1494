//! Files and folders that appear complete or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::Error;

/// A file that takes its place only when it is kept; dropped before that, it was never there.
pub struct NewFile {
    file: BufWriter<NamedTempFile>,
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
                    path.display()
                )));
            }
            Err(_) => path.to_owned(),
        };
        let folder = folder_of(path);
        fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        let file = NamedTempFile::with_prefix_in(".duo-metrics-", folder)
            .map_err(Error::file("write in", folder))?;
        Ok(NewFile { file: BufWriter::with_capacity(1 << 16, file), path: path.to_owned() })
    }

    /// Puts the file in its place.
    pub fn keep(self) -> Result<(), Error> {
        let path = self.path.clone();
        self.keep_private()?;
        make_readable(&path).map_err(Error::file("write", &path))
    }

    /// Puts the file in its place, for nobody but its owner to read.
    pub fn keep_private(self) -> Result<(), Error> {
        let path = self.path;
        let file = self.file.into_inner().map_err(|error| Error::file("write", &path)(error.into_error()))?;
        file.persist(&path).map_err(|error| Error::file("write", &path)(error.error))?;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a whole file at once.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut file = NewFile::create(path)?;
    file.write_all(content).map_err(Error::file("write", path))?;
    file.keep()
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
            path.display()
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
    Err(Error::Configuration(format!("{} leads through a folder that is not there", path.display())))
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
            path.display(),
            folder.display()
        ))),
    }
}

/// Fails when nothing can be written in a folder, which is made when it is missing.
pub fn check_writable(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
    tempfile::Builder::new()
        .prefix(".duo-metrics-")
        .tempfile_in(folder)
        .map_err(Error::file("write in", folder))?;
    Ok(())
}

/// Replaces a folder by one that holds these files, and nothing else. The old one stays until the new one is
/// whole.
pub fn replace_folder(path: &Path, files: &[(String, Vec<u8>)]) -> Result<(), Error> {
    let parent = folder_of(path);
    fs::create_dir_all(parent).map_err(Error::file("make the folder", parent))?;
    let new = tempfile::Builder::new()
        .prefix(".duo-metrics-new-")
        .tempdir_in(parent)
        .map_err(Error::file("write in", parent))?;
    for (name, content) in files {
        let file = new.path().join(name);
        fs::write(&file, content).map_err(Error::file("write", &file))?;
        make_readable(&file).map_err(Error::file("write", &file))?;
    }
    make_readable(new.path()).map_err(Error::file("write", new.path()))?;
    let old = tempfile::Builder::new()
        .prefix(".duo-metrics-old-")
        .tempdir_in(parent)
        .map_err(Error::file("write in", parent))?;
    let had_one = path.symlink_metadata().is_ok();
    let aside = old.path().join("site");
    if had_one {
        fs::rename(path, &aside).map_err(Error::file("replace", path))?;
    }
    if let Err(source) = fs::rename(new.path(), path) {
        if had_one {
            fs::rename(&aside, path).map_err(Error::file("put back", path))?;
        }
        return Err(Error::File { doing: "replace", path: path.to_owned(), source });
    }
    Ok(())
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
            replace_folder(&site, &[(name.to_owned(), b"x".to_vec())]).expect("replaced");
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

//! Files and folders that appear complete or not at all, also after a power loss: content is on the
//! disk before the name is, and both are before a command reports success.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;

use crate::base::error::{Error, display_path};
use crate::system::temporary::{Access, TemporaryFile, TemporaryFolder};

/// A file that appears at its path only on commit. If it is dropped before that, nothing remains.
///
/// Write errors contain an [`Error`] with the final path inside the [`io::Error`]; see
/// [`Error::writing`].
pub struct AtomicFile {
    file: BufWriter<TemporaryFile>,
    path: PathBuf,
    access: Access,
}

impl AtomicFile {
    /// Creates a temporary file next to the final path, and the folder if it is missing. Only its
    /// owner can read it.
    pub fn create(path: &Path) -> Result<AtomicFile, Error> {
        let folder = folder_of(path);
        create_folder(folder)?;
        AtomicFile::create_in(folder, path, Access::Private)
    }

    /// Creates a temporary file in the folder `staging`.
    fn create_in(staging: &Path, path: &Path, access: Access) -> Result<AtomicFile, Error> {
        check_regular(path)?;
        let file = TemporaryFile::create(staging, access).map_err(Error::file("write in", staging))?;
        Ok(AtomicFile { file: BufWriter::with_capacity(1 << 16, file), path: path.to_owned(), access })
    }

    /// Moves the file to its final path.
    pub fn commit(self) -> Result<(), Error> {
        commit_files(vec![self])
    }

    /// Puts the content on the disk.
    fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_mut().file().sync_all()
    }

    fn rename(&mut self) -> io::Result<()> {
        match self.file.get_mut().rename(&self.path) {
            // The folder above a site can be on another file system than the site.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let mut copy = TemporaryFile::create(folder_of(&self.path), self.access)?;
                io::copy(&mut File::open(self.file.get_ref().path())?, copy.file())?;
                copy.file().sync_all()?;
                copy.rename(&self.path)
            }
            renamed => renamed,
        }
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

/// Fails if the path has something that is not replaced: no regular file, or a symbolic link, which
/// could lead anywhere.
fn check_regular(path: &Path) -> Result<(), Error> {
    let what = match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => "a symbolic link",
        Ok(found) if !found.is_file() => "not a regular file",
        _ => return Ok(()),
    };
    Err(Error::Configuration(format!(
        "{} is {what}, so it is not replaced; choose another path",
        display_path(path)
    )))
}

/// Moves files to their final paths. All are on the disk before the first one appears.
pub fn commit_files(mut files: Vec<AtomicFile>) -> Result<(), Error> {
    sync_files(&mut files)?;
    let mut folders = BTreeSet::new();
    for mut file in files {
        file.rename().map_err(Error::file("write", &file.path))?;
        folders.insert(folder_of(&file.path).to_owned());
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Threads that sync files. Most file systems confirm several at once, so that many take a tenth of
/// the time that they take one after the other.
const SYNC_THREADS: usize = 8;

fn sync_files(files: &mut [AtomicFile]) -> Result<(), Error> {
    let sync = |files: &mut [AtomicFile]| {
        files.iter_mut().try_for_each(|file| file.sync().map_err(Error::file("write", &file.path)))
    };
    if files.len() == 1 {
        return sync(files);
    }
    let share = files.len().div_ceil(SYNC_THREADS).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = files.chunks_mut(share).map(|files| scope.spawn(move || sync(files))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<(), Error>>| {
            thread.join().unwrap_or_else(|_| Err(Error::Bug("a thread that syncs files panicked".to_owned())))
        };
        threads.into_iter().map(join).fold(Ok(()), Result::and)
    })
}

/// Puts the names in a folder on the disk, where the file system can do that.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), Error> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Err(Error::file("write", folder)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// Creates a folder and those above it that are missing.
pub fn create_folder(folder: &Path) -> Result<(), Error> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    create_folder(folder_of(folder))?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        created => created.map_err(Error::file("create the folder", folder)),
    }?;
    sync_folder(folder_of(folder))
}

/// Removes files. Once this returns, they stay removed.
pub fn remove_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), Error> {
    let mut folders = BTreeSet::new();
    for path in paths {
        fs::remove_file(path).map_err(Error::file("remove", path))?;
        folders.insert(folder_of(path));
    }
    folders.into_iter().try_for_each(sync_folder)
}

/// Moves a file to another folder, which is created if it is missing.
pub fn move_file(from: &Path, to: &Path) -> Result<(), Error> {
    create_folder(folder_of(to))?;
    fs::rename(from, to).map_err(Error::file("move", from))?;
    sync_folder(folder_of(to))?;
    sync_folder(folder_of(from))
}

/// Makes a file readable only by its owner, who alone can do that: earlier releases let others read
/// it.
#[cfg(unix)]
pub fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = path.symlink_metadata() else { return };
    let mode = found.permissions().mode();
    if found.is_file() && mode & 0o077 != 0 {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700));
    }
}

/// Makes a file readable only by its owner.
#[cfg(not(unix))]
pub fn make_private(_: &Path) {}

/// Changes of many files, a batch at a time: syncing each one alone takes much longer.
#[derive(Default)]
pub struct FileChanges {
    new: Vec<AtomicFile>,
    removed: Vec<PathBuf>,
}

/// Files of a batch, each of which is open.
const MAX_BATCH_FILES: usize = 64;

impl FileChanges {
    /// Writes a file, unless an equal one exists.
    pub fn write(&mut self, path: &Path, content: &[u8]) -> Result<(), Error> {
        self.settle(path)?;
        if !path.is_symlink() && fs::read(path).is_ok_and(|there| there == content) {
            return Ok(());
        }
        let mut file = AtomicFile::create(path)?;
        file.write_all(content).map_err(Error::writing)?;
        self.new.push(file);
        if self.new.len() < MAX_BATCH_FILES { Ok(()) } else { self.apply() }
    }

    /// Removes a file, after the files that were written before have appeared.
    pub fn remove(&mut self, path: &Path) {
        self.removed.push(path.to_owned());
    }

    /// Applies all changes if one of them is a change of this path, so that it can be read.
    pub fn settle(&mut self, path: &Path) -> Result<(), Error> {
        let is_changed =
            self.removed.iter().chain(self.new.iter().map(|file| &file.path)).any(|changed| changed == path);
        if is_changed { self.apply() } else { Ok(()) }
    }

    /// Applies all changes.
    pub fn apply(&mut self) -> Result<(), Error> {
        commit_files(std::mem::take(&mut self.new))?;
        remove_files(std::mem::take(&mut self.removed).iter().map(PathBuf::as_path))
    }
}

/// Writes a file that only its owner can read.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(content).map_err(Error::writing)?;
    file.commit()
}

/// Writes files for everyone whom the umask allows, such as those of a site. All are complete before the first one appears.
pub fn write_public_files<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<(), Error> {
    create_folder(folder)?;
    let staging = staging_folder(folder);
    let mut ready = Vec::new();
    for (name, content) in files {
        let path = folder.join(name);
        let mut file = AtomicFile::create_in(&staging, &path, Access::Public)?;
        file.write_all(content).map_err(Error::writing)?;
        ready.push(file);
    }
    commit_files(ready)
}

/// The folder for what becomes part of a site. It is above the site, so that nothing temporary is
/// ever published; in the site, if the folder above is not writable.
fn staging_folder(site: &Path) -> PathBuf {
    let above = site.canonicalize().ok().and_then(|site| site.parent().map(Path::to_owned));
    let is_usable = |folder: &PathBuf| TemporaryFile::create(folder, Access::Private).is_ok();
    above.filter(is_usable).unwrap_or_else(|| site.to_owned())
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
    create_folder(folder)?;
    TemporaryFile::create(folder, Access::Private).map(drop).map_err(Error::file("write in", folder))
}

/// A folder that appears at its path only on commit. If it is dropped before that, nothing
/// remains.
pub struct AtomicFolder {
    folder: TemporaryFolder,
    path: PathBuf,
}

impl AtomicFolder {
    /// Writes the files of a folder of a site to a temporary folder.
    pub fn create<'a>(
        path: &Path,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<AtomicFolder, Error> {
        let site = folder_of(path);
        create_folder(site)?;
        let staging = staging_folder(site);
        let folder = TemporaryFolder::create(&staging).map_err(Error::file("write in", &staging))?;
        for (name, content) in files {
            // Errors contain the final path: the temporary folder is deleted by the time they
            // are read.
            write_synced(&folder.path().join(name), content)
                .map_err(Error::file("write", path.join(name)))?;
        }
        sync_folder(folder.path())?;
        Ok(AtomicFolder { folder, path: path.to_owned() })
    }

    /// Moves the folder to its final path, and returns that path. On Linux, the exchange with an
    /// existing folder is atomic; on other systems, neither exists for a moment.
    pub fn commit(self) -> Result<PathBuf, Error> {
        let AtomicFolder { mut folder, path } = self;
        let moved = match replace_folder(folder.path(), &path) {
            // The folder above a site can be on another file system than the site.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                folder = copy_folder(folder.path(), folder_of(&path)).map_err(Error::file("write", &path))?;
                replace_folder(folder.path(), &path)
            }
            moved => moved,
        };
        moved.map_err(Error::file("replace", &path))?;
        sync_folder(folder_of(&path))?;
        Ok(path)
    }
}

/// Moves a folder to a path, and what is there to the path of the folder.
fn replace_folder(folder: &Path, path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_err() {
        return fs::rename(folder, path);
    }
    match exchange(folder, path) {
        Err(error) if error.kind() != io::ErrorKind::CrossesDevices => {
            let old = TemporaryFolder::create(folder.parent().unwrap_or(folder))?;
            let backup = old.path().join("site");
            fs::rename(path, &backup)?;
            fs::rename(folder, path).or_else(|error| fs::rename(&backup, path).and(Err(error)))
        }
        exchanged => exchanged,
    }
}

/// Removes a folder of a site. It disappears at once, whatever happens while its files are removed.
pub fn remove_site_folder(path: &Path) -> Result<(), Error> {
    let site = folder_of(path);
    let staging = staging_folder(site);
    let removed = TemporaryFolder::create(&staging).map_err(Error::file("write in", &staging))?;
    match fs::rename(path, removed.path().join("site")) {
        // The folder above a site can be on another file system than the site.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => fs::remove_dir_all(path),
        renamed => renamed,
    }
    .map_err(Error::file("remove", path))?;
    sync_folder(site)
}

/// Copies the files of a folder to a temporary folder.
fn copy_folder(folder: &Path, parent: &Path) -> io::Result<TemporaryFolder> {
    let copy = TemporaryFolder::create(parent)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        write_synced(&copy.path().join(entry.file_name()), &fs::read(entry.path())?)?;
    }
    File::open(copy.path())?.sync_all()?;
    Ok(copy)
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_dropped_file_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/file.jsonl");
        let mut file = AtomicFile::create(&path).expect("a file");
        file.write_all(b"half").expect("written");
        assert_eq!(names(&folder.path().join("deep")).len(), 1);
        drop(file);
        assert_eq!(names(&folder.path().join("deep")).len(), 0);
        write_file(&path, b"whole").expect("written");
        assert_eq!(fs::read(&path).expect("the file"), b"whole");
    }

    #[test]
    fn replaces_a_folder_and_leaves_no_temporary_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = folder.path().join("public");
        let dashboard = site.join("duo-metrics");
        for name in ["one.html", "two.html"] {
            let ready = AtomicFolder::create(&dashboard, [(name, b"x".as_slice())]).expect("written");
            assert!(!dashboard.join(name).exists(), "not committed yet");
            assert!(names(&site).iter().all(|name| name == "duo-metrics"), "nothing temporary in the site");
            assert_eq!(ready.commit().expect("replaced"), dashboard);
        }
        assert!(
            check_replaceable(&dashboard, "two.html").is_ok()
                && check_replaceable(&site.join("none"), "x").is_ok()
        );
        assert!(
            check_replaceable(&dashboard, "dashboard.json").is_err()
                && check_replaceable(&dashboard.join("two.html"), "x").is_err()
        );
        assert_eq!(names(&dashboard), ["two.html"]);
        remove_site_folder(&dashboard).expect("removed");
        assert!(names(&site).is_empty());
        assert_eq!(names(folder.path()), ["public"]);
    }

    #[test]
    fn a_batch_writes_before_it_removes() {
        let folder = tempfile::tempdir().expect("a folder");
        let [old, new] = ["old", "new"].map(|name| folder.path().join(name));
        fs::write(&old, "x").expect("written");
        let mut changes = FileChanges::default();
        changes.write(&new, b"x").expect("written");
        changes.remove(&old);
        assert!(old.exists() && !new.exists(), "not applied yet");
        changes.settle(&new).expect("applied");
        assert!(!old.exists() && new.exists());
        for number in 0..2 * MAX_BATCH_FILES {
            changes.write(&folder.path().join(number.to_string()), b"x").expect("written");
        }
        assert!(changes.new.is_empty() && names(folder.path()).len() == 2 * MAX_BATCH_FILES + 1);
    }
}

//! Exclusive use of a folder by one process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::base::error::{Error, display_path};
use crate::system::files::create_folder;

/// Exclusive use of a folder, until it is dropped or the process ends in whatever way.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // To close the file is not enough: a child process that is being started holds a copy of it until it executes its
        // program.
        let _ = self.file.unlock();
    }
}

impl FolderLock {
    /// Locks a folder by a file of this name in it, and creates both if necessary. The file is
    /// never deleted: another process could then lock a new file of this name while the first one
    /// still holds the deleted one. Symbolic links are not followed.
    ///
    /// # Errors
    /// [`Error::Transient`] while another process holds the lock; `advice` is the next step.
    pub fn acquire(folder: &Path, name: &str, advice: &str) -> Result<FolderLock, Error> {
        create_folder(folder)?;
        let path = folder.join(name);
        if path.is_symlink() {
            return Err(Error::Configuration(format!(
                "{} is a symbolic link, which is not followed; remove it",
                display_path(&path)
            )));
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = without_links(&mut options).open(&path).map_err(Error::file("lock", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { file }),
            Err(TryLockError::WouldBlock) => {
                Err(Error::Transient(format!("another run uses {}; {advice}", display_path(folder))))
            }
            Err(TryLockError::Error(source)) => Err(Error::File { doing: "lock", path, source }),
        }
    }
}

#[cfg(unix)]
fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let no_links = rustix::fs::OFlags::NOFOLLOW.bits();
    options.mode(0o600).custom_flags(no_links.cast_signed())
}

#[cfg(not(unix))]
fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_uses_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let acquire = || FolderLock::acquire(folder.path(), "run.lock", "wait");
        let lock = acquire().expect("it is free");
        let held = acquire().expect_err("it is held");
        assert!(held.code() == 75 && held.to_string().ends_with("; wait"), "{held}");
        drop(lock);
        acquire().expect("it is free again");
    }

    #[test]
    fn a_copy_of_the_open_file_does_not_hold_the_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let acquire = || FolderLock::acquire(folder.path(), "run.lock", "wait");
        let lock = acquire().expect("it is free");
        let _of_child = lock.file.try_clone().expect("a copy");
        drop(lock);
        acquire().expect("it is free again");
    }

    #[test]
    #[cfg(unix)]
    fn a_symbolic_link_is_not_locked() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("target");
        std::os::unix::fs::symlink(&target, folder.path().join("run.lock")).expect("a link");
        let refused = FolderLock::acquire(folder.path(), "run.lock", "wait").expect_err("a link");
        assert!(refused.code() == 78 && !target.exists(), "{refused}");
    }
}

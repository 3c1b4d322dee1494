//! The files of the folders on the command line.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, display_path};

/// The ends of the names of definitions and of files with events.
const ENDINGS: [&str; 6] = ["yml", "yaml", "json", "jsonl", "ndjson", "log"];

/// The files, with those of folders and their subfolders in the place of the folders, sorted. Hidden files are left out.
///
/// # Errors
/// A folder that cannot be read, or one without any such file.
pub(super) fn with_folders(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        add_files(path, &mut files)?;
        if files.len() == before {
            return Err(Error::Configuration(format!(
                "{} has no file that ends in .{}; name its files",
                display_path(path),
                ENDINGS.join(", .")
            )));
        }
        files[before..].sort();
    }
    Ok(files)
}

fn add_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
        let entry = entry.map_err(Error::file("read", folder))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(Error::file("read", folder))?);
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Links are not followed, so that no folder is read twice.
        if kind.is_dir() {
            add_files(&path, files)?;
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
            files.push(path);
        }
    }
    Ok(())
}

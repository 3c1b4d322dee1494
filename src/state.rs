//! What earlier tries of a run have got, so that a run that was killed goes on where it was.
//!
//! A folder holds a file for each part of a harvest that arrived whole: its raw lines, and a last line that says so.
//! Files appear whole or not at all, so whatever is there counts.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::calendar::{Day, Timestamp};
use crate::error::Error;
use crate::line;
use crate::output::{NewFile, write_file};

/// The folder of a run's state.
pub struct State {
    folder: PathBuf,
}

/// A part that arrived whole in an earlier try.
pub struct Stored {
    /// Its raw lines.
    pub lines: Vec<String>,
    /// What was noted with them.
    pub note: Note,
}

/// What has to be known of a part beside its lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "part")]
pub struct Note {
    /// The moment of all its lines; null when the server was never asked.
    pub fetched_at: Option<Timestamp>,
    /// The highest page number in it.
    pub last_page: u32,
    /// Rows by day.
    pub rows: BTreeMap<Day, u64>,
    /// What GitLab left out.
    pub flaw: Option<String>,
}

/// A part on its way into the state.
pub struct NewPart {
    file: NewFile,
    path: PathBuf,
}

/// The file that says which run the others are of.
const RUN: &str = "run.json";

/// What the names of the parts end in.
const PART: &str = ".part.jsonl";

impl State {
    /// Opens the state of a run. When the folder holds the state of another run, that is taken away.
    pub fn open(folder: &Path, run: &str) -> Result<State, Error> {
        let state = State { folder: folder.to_owned() };
        fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        let path = folder.join(RUN);
        if fs::read_to_string(&path).ok().as_deref() != Some(run) {
            state.clear()?;
            write_file(&path, run.as_bytes())?;
        }
        Ok(state)
    }

    /// Takes all away: the run is complete.
    pub fn clear(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.folder).map_err(Error::file("read", &self.folder))? {
            let path = entry.map_err(Error::file("read", &self.folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // Beside what is whole there can be the beginnings of what was killed.
            if name == RUN || name.ends_with(PART) || name.starts_with(".duo-metrics-") {
                fs::remove_file(&path).map_err(Error::file("remove", &path))?;
            }
        }
        Ok(())
    }

    /// The part of this name, when an earlier try got it whole.
    pub fn stored(&self, name: &str) -> Result<Option<Stored>, Error> {
        let path = self.path(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::File { doing: "read", path, source }),
        };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let note = lines.pop().and_then(|last| line::parse::<Note>(&last).ok());
        // A file that somebody cut is as good as none.
        Ok(note.map(|note| Stored { lines, note }))
    }

    /// Starts a part of this name.
    pub fn start(&self, name: &str) -> Result<NewPart, Error> {
        let path = self.path(name);
        Ok(NewPart { file: NewFile::create(&path)?, path })
    }

    fn path(&self, name: &str) -> PathBuf {
        let digest = Sha256::digest(name.as_bytes());
        let digest = digest[..16].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        self.folder.join(format!("{digest}{PART}"))
    }
}

impl NewPart {
    /// Adds a line, which has its line break.
    pub fn add(&mut self, line: &[u8]) -> Result<(), Error> {
        self.file.write_all(line).map_err(Error::file("write", &self.path))
    }

    /// Keeps the part: from now on it counts.
    pub fn keep(mut self, note: &Note) -> Result<(), Error> {
        let note = serde_json::to_string(note)
            .map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?;
        self.add(format!("{note}\n").as_bytes())?;
        self.file.keep()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_and_of_this_run_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let note = Note { fetched_at: None, last_page: 3, rows: BTreeMap::new(), flaw: None };
        let state = State::open(folder.path(), "run 1").expect("opened");
        let mut part = state.start("a").expect("started");
        part.add(b"{\"type\":\"raw\"}\n").expect("written");
        assert!(state.stored("a").expect("read").is_none(), "it is not kept yet");
        part.keep(&note).expect("kept");
        drop(state.start("b").expect("started"));
        let again = State::open(folder.path(), "run 1").expect("opened");
        let stored = again.stored("a").expect("read").expect("it is there");
        assert_eq!((stored.lines, stored.note), (vec!["{\"type\":\"raw\"}".to_owned()], note));
        assert!(again.stored("b").expect("read").is_none());
        let other = State::open(folder.path(), "run 2").expect("opened");
        assert!(other.stored("a").expect("read").is_none());
    }
}

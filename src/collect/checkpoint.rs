//! What earlier tries of a run have got, so that a run that was killed goes on where it was.
//!
//! A folder holds a file for each part of a harvest that arrived whole: its raw lines, and a last line that says so.
//! Files appear whole or not at all, so whatever is there counts.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, shown};
use crate::model::line;
use crate::system::files::{NewFile, write_file};

/// The folder of a run's state.
pub struct State {
    folder: PathBuf,
}

/// The right to work in a state's folder, until it is dropped or the process ends in whatever way.
pub struct Lock {
    _file: File,
}

/// A part that arrived whole in an earlier try.
pub struct Stored {
    /// Its raw lines.
    pub lines: Vec<String>,
    /// What was noted with them.
    pub note: Note,
}

/// What has to be known of a part beside its lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "part")]
pub struct Note {
    /// The moment of all its lines; null when the server was never asked.
    pub fetched_at: Option<Timestamp>,
    /// Rows by day.
    pub rows: BTreeMap<Day, u64>,
    /// Nodes that GitLab returned as null, by the day asked for.
    #[serde(default)]
    pub unreadable: BTreeMap<Day, u64>,
    /// The first error of such a node.
    #[serde(default)]
    pub node_error: Option<String>,
    /// Why the part is not complete although every page of it arrived.
    pub flaw: Option<String>,
}

/// The parts of a harvest that has several: what they are called, and the moment of all its lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The moment; null when the server was never asked.
    pub fetched_at: Option<Timestamp>,
    /// The names in an order that stays: each part numbers its pages by its place in it.
    pub names: Vec<String>,
}

/// A part on its way into the state.
pub struct NewPart {
    file: NewFile,
}

/// The file that says which run the others are of.
const RUN: &str = "run.json";

/// The file that is locked while a run works in the folder. It stays: who takes away a locked file lets in two.
const LOCK: &str = "run.lock";

/// What the names of the parts end in.
const PART: &str = ".part.jsonl";

/// What the names of the lists of parts end in.
const LISTING: &str = ".parts.json";

impl Lock {
    /// Takes the folder, which is made when it is not there. One run at a time can have it.
    pub fn take(folder: &Path) -> Result<Lock, Error> {
        fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        let path = folder.join(LOCK);
        let file = File::create(&path).map_err(Error::file("write", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Temporary(format!(
                "another run works in {}; wait until it has ended, or give this one a --state of its own",
                shown(folder)
            ))),
            Err(TryLockError::Error(source)) => Err(Error::File { doing: "lock", path, source }),
        }
    }
}

impl State {
    /// Opens the state of a run in a folder that is there. When it holds the state of another run, that is taken away.
    pub fn open(folder: &Path, run: &str) -> Result<State, Error> {
        let state = State { folder: folder.to_owned() };
        let path = folder.join(RUN);
        if fs::read_to_string(&path).ok().as_deref() != Some(run) {
            state.clear()?;
            write_file(&path, run.as_bytes())?;
        }
        Ok(state)
    }

    /// The state in a folder, of whichever run.
    pub fn at(folder: &Path) -> State {
        State { folder: folder.to_owned() }
    }

    /// Takes all away: the run is complete.
    ///
    /// The file that names the run goes last: when this is killed half-way, the parts still there count for the next
    /// try.
    pub fn clear(&self) -> Result<(), Error> {
        let remove = |path: &Path| fs::remove_file(path).map_err(Error::file("remove", path));
        for entry in fs::read_dir(&self.folder).map_err(Error::file("read", &self.folder))? {
            let path = entry.map_err(Error::file("read", &self.folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // Beside what is whole there can be the beginnings of what was killed.
            let is_ours =
                name.ends_with(PART) || name.ends_with(LISTING) || name.starts_with(".duo-metrics-");
            if is_ours && path.is_file() {
                remove(&path)?;
            }
        }
        let run = self.folder.join(RUN);
        if run.is_file() { remove(&run) } else { Ok(()) }
    }

    /// The part of this name, when an earlier try got it whole.
    pub fn stored(&self, name: &str) -> Result<Option<Stored>, Error> {
        let path = self.path(name, PART);
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
        Ok(NewPart { file: NewFile::create(&self.path(name, PART))? })
    }

    /// The parts of a harvest, as an earlier try listed them.
    pub fn listing(&self, harvest: &str) -> Listing {
        let text = fs::read_to_string(self.path(harvest, LISTING)).unwrap_or_default();
        line::parse(&text).unwrap_or_default()
    }

    /// Keeps the parts of a harvest. Has to be done before the first of them is walked.
    pub fn keep_listing(&self, harvest: &str, listing: &Listing) -> Result<(), Error> {
        let text = serde_json::to_string(listing)
            .map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?;
        write_file(&self.path(harvest, LISTING), text.as_bytes())
    }

    fn path(&self, name: &str, kind: &str) -> PathBuf {
        let digest = Sha256::digest(name.as_bytes());
        let digest = digest[..16].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        self.folder.join(format!("{digest}{kind}"))
    }
}

impl NewPart {
    /// Adds a line, which has its line break.
    pub fn add(&mut self, line: &[u8]) -> Result<(), Error> {
        self.file.write_all(line).map_err(Error::writing)
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
        let note = Note::default();
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
        let listing = Listing { fetched_at: None, names: vec!["x".to_owned()] };
        assert_eq!(again.listing("h"), Listing::default());
        again.keep_listing("h", &listing).expect("kept");
        assert_eq!(again.listing("h"), listing);
        let other = State::open(folder.path(), "run 2").expect("opened");
        assert!(other.stored("a").expect("read").is_none());
    }
}

//! The state of an interrupted run (`--state`), from which the next attempt continues.
//!
//! A folder holds one file for each complete partition of a fetch unit: its raw lines, then a
//! summary as the last line. Files are created atomically, so every file in the folder is complete.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::calendar::{Day, Timestamp};
use crate::base::error::Error;
use crate::model::line;
use crate::system::files::{AtomicFile, remove_files, write_file};
use crate::system::lock::FolderLock;

/// The folder of a run's state.
pub struct StateDir {
    folder: PathBuf,
}

/// A partition that an earlier attempt collected completely.
pub struct StoredPartition {
    /// Its raw lines.
    pub lines: Vec<String>,
    /// Their summary.
    pub summary: PartitionSummary,
}

/// What a fetch unit needs to know about a partition besides its lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "part")]
pub struct PartitionSummary {
    /// The time of all its lines; null if no request was made.
    pub fetched_at: Option<Timestamp>,
    /// Rows by day.
    pub rows: BTreeMap<Day, u64>,
    /// Nodes that GitLab returned as null, by the requested day.
    #[serde(default)]
    pub unreadable: BTreeMap<Day, u64>,
    /// The first error of such a node.
    #[serde(default)]
    pub node_error: Option<String>,
    /// Why the rows may be incomplete although every page arrived.
    pub flaw: Option<String>,
}

/// The partitions of a fetch unit that has several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartitionList {
    /// The time of all its lines; null if no request was made.
    pub fetched_at: Option<Timestamp>,
    /// The names. Their order never changes: the position of a partition determines its page
    /// numbers.
    pub names: Vec<String>,
}

/// A partition that is being written.
pub struct NewPartition {
    file: AtomicFile,
}

/// Identifies the run that the other files belong to.
const RUN_FILE: &str = "run.json";

/// Locked while a run uses the folder.
const LOCK_FILE: &str = "run.lock";

/// Marks the state of a first run, which takes more days than later ones: the next attempt continues
/// with the same days, although the history is no longer empty.
const FIRST_RUN_FILE: &str = "first-run";

/// The suffix of partition files.
const PARTITION_SUFFIX: &str = ".part.jsonl";

/// The suffix of lists of partitions.
const LIST_SUFFIX: &str = ".parts.json";

/// Locks the folder of a state.
pub fn lock(folder: &Path) -> Result<FolderLock, Error> {
    FolderLock::acquire(folder, LOCK_FILE, "wait until it ends, or set another folder with --state")
}

impl StateDir {
    /// Opens the state of a run in an existing folder. Deletes the state of a different run.
    pub fn open(folder: &Path, run: &str) -> Result<StateDir, Error> {
        let state = StateDir { folder: folder.to_owned() };
        let path = folder.join(RUN_FILE);
        if fs::read_to_string(&path).ok().as_deref() != Some(run) {
            state.clear()?;
            write_file(&path, run.as_bytes())?;
        }
        Ok(state)
    }

    /// The state in a folder, of any run.
    pub fn at(folder: &Path) -> StateDir {
        StateDir { folder: folder.to_owned() }
    }

    /// Whether a folder has the state of a first run.
    pub fn is_of_first_run(folder: &Path) -> bool {
        folder.join(FIRST_RUN_FILE).is_file()
    }

    /// Marks the state as that of a first run.
    pub fn mark_first_run(&self) -> Result<(), Error> {
        write_file(&self.folder.join(FIRST_RUN_FILE), b"")
    }

    /// Deletes everything, once the run is complete.
    ///
    /// The file that identifies the run is deleted last. If the process is killed before that, the
    /// remaining partitions count for the next attempt.
    pub fn clear(&self) -> Result<(), Error> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(Error::file("read", &self.folder))? {
            let path = entry.map_err(Error::file("read", &self.folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // Killed runs leave temporary files.
            let is_ours = name.ends_with(PARTITION_SUFFIX)
                || name.ends_with(LIST_SUFFIX)
                || name == FIRST_RUN_FILE
                || name.starts_with(".duo-metrics-");
            if is_ours && path.is_file() {
                found.push(path);
            }
        }
        remove_files(found.iter().map(PathBuf::as_path))?;
        let run = self.folder.join(RUN_FILE);
        if run.is_file() { remove_files([run.as_path()]) } else { Ok(()) }
    }

    /// The partition of this name, if an earlier attempt stored it.
    pub fn load(&self, name: &str) -> Result<Option<StoredPartition>, Error> {
        let path = self.path(name, PARTITION_SUFFIX);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::File { doing: "read", path, source }),
        };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let summary = lines.pop().and_then(|last| line::parse::<PartitionSummary>(&last).ok());
        // A truncated file has no summary, and counts as missing.
        Ok(summary.map(|summary| StoredPartition { lines, summary }))
    }

    /// Starts a partition of this name.
    pub fn start(&self, name: &str) -> Result<NewPartition, Error> {
        Ok(NewPartition { file: AtomicFile::create(&self.path(name, PARTITION_SUFFIX))? })
    }

    /// The partitions of a fetch unit, as an earlier attempt listed them.
    pub fn load_list(&self, unit: &str) -> PartitionList {
        let text = fs::read_to_string(self.path(unit, LIST_SUFFIX)).unwrap_or_default();
        line::parse(&text).unwrap_or_default()
    }

    /// Stores the partitions of a fetch unit. Call this before collecting the first of them.
    pub fn save_list(&self, unit: &str, list: &PartitionList) -> Result<(), Error> {
        let text = serde_json::to_string(list)
            .map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?;
        write_file(&self.path(unit, LIST_SUFFIX), text.as_bytes())
    }

    fn path(&self, name: &str, kind: &str) -> PathBuf {
        let digest = Sha256::digest(name.as_bytes());
        let digest = digest[..16].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        self.folder.join(format!("{digest}{kind}"))
    }
}

impl NewPartition {
    /// Adds a line, which includes its line break.
    pub fn add(&mut self, line: &[u8]) -> Result<(), Error> {
        self.file.write_all(line).map_err(Error::writing)
    }

    /// Completes the partition. From now on it counts.
    pub fn commit(mut self, summary: &PartitionSummary) -> Result<(), Error> {
        let summary = serde_json::to_string(summary)
            .map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?;
        self.add(format!("{summary}\n").as_bytes())?;
        self.file.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_only_committed_partitions_of_the_same_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let summary = PartitionSummary::default();
        let state = StateDir::open(folder.path(), "run 1").expect("opened");
        let mut part = state.start("a").expect("started");
        part.add(b"{\"type\":\"raw\"}\n").expect("written");
        assert!(state.load("a").expect("read").is_none(), "not committed yet");
        part.commit(&summary).expect("kept");
        drop(state.start("b").expect("started"));
        let again = StateDir::open(folder.path(), "run 1").expect("opened");
        let stored = again.load("a").expect("read").expect("it is there");
        assert_eq!((stored.lines, stored.summary), (vec!["{\"type\":\"raw\"}".to_owned()], summary));
        assert!(again.load("b").expect("read").is_none());
        let list = PartitionList { fetched_at: None, names: vec!["x".to_owned()] };
        assert_eq!(again.load_list("h"), PartitionList::default());
        again.save_list("h", &list).expect("kept");
        assert_eq!(again.load_list("h"), list);
        let other = StateDir::open(folder.path(), "run 2").expect("opened");
        assert!(other.load("a").expect("read").is_none());
    }
}

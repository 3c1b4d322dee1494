//! A disk that forgets what was not synced: it replays the record of `tests/power_loss/record.c`.
//!
//! POSIX promises that the content of a file is on the disk after `fsync` of the file, and its name
//! after `fsync` of its folder. Everything else may or may not be there after a power loss, in any
//! combination of files and folders.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is left of a file with this number, of what it contains and of what was synced.
type Survives<'f> = dyn Fn(usize, &[u8], &[u8]) -> Vec<u8> + 'f;

/// Files below a folder, by path.
pub(super) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// One call that the program made.
pub(super) struct Operation {
    kind: u8,
    inode: u64,
    offset: u64,
    path: PathBuf,
    other: PathBuf,
    data: Vec<u8>,
}

/// A file or folder: its present state, and the ones that the disk may have, from the one that was
/// synced to the present one.
enum Node {
    File { now: Vec<u8>, synced: Vec<u8> },
    Folder { now: BTreeMap<String, usize>, on_disk: Vec<BTreeMap<String, usize>> },
}

/// The disk below a folder.
pub(super) struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    by_inode: BTreeMap<u64, usize>,
    /// Every content that a file had when it got its name, by path.
    named: BTreeMap<PathBuf, BTreeSet<Vec<u8>>>,
}

/// Which of the states that were not synced reach the disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Loss {
    /// None.
    Everything,
    /// All names, but no content: file systems that journal only metadata do that.
    Content,
    /// Those that this random number selects.
    Random(u64),
}

/// Reads a record.
pub(super) fn operations(mut record: &[u8]) -> Vec<Operation> {
    fn take<'r>(record: &mut &'r [u8], length: usize) -> &'r [u8] {
        let (taken, rest) = record.split_at(length);
        *record = rest;
        taken
    }
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut operations = Vec::new();
    while !record.is_empty() {
        let kind = take(&mut record, 1)[0];
        let [inode, offset] = [8, 8].map(|length| number(take(&mut record, length)));
        let [one, other, data] = [4, 4, 8].map(|length| number(take(&mut record, length)) as usize);
        let mut path =
            |length| PathBuf::from(String::from_utf8_lossy(take(&mut record, length)).into_owned());
        let (path, other) = (path(one), path(other));
        let data = take(&mut record, data).to_vec();
        operations.push(Operation { kind, inode, offset, path, other, data });
    }
    operations
}

impl Disk {
    /// The present content of a folder, all of it synced.
    pub(super) fn of(root: &Path) -> Disk {
        let mut disk = Disk {
            root: root.to_owned(),
            nodes: Vec::new(),
            by_inode: BTreeMap::new(),
            named: BTreeMap::new(),
        };
        disk.load(root);
        disk
    }

    fn load(&mut self, path: &Path) -> usize {
        let id = self.nodes.len();
        let inode = path.symlink_metadata().expect("it exists").ino();
        self.by_inode.insert(inode, id);
        if path.is_dir() {
            self.nodes.push(Node::Folder { now: BTreeMap::new(), on_disk: Vec::new() });
            let entries = std::fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry"));
            let now: BTreeMap<String, usize> = entries
                .map(|entry| (entry.file_name().to_string_lossy().into_owned(), self.load(&entry.path())))
                .collect();
            self.nodes[id] = Node::Folder { on_disk: vec![now.clone()], now };
        } else {
            let now = std::fs::read(path).expect("a file");
            self.named.entry(path.to_owned()).or_default().insert(now.clone());
            self.nodes.push(Node::File { synced: now.clone(), now });
        }
        id
    }

    /// Applies one operation.
    pub(super) fn apply(&mut self, operation: &Operation) {
        let Operation { kind, inode, offset, path, other, data } = operation;
        match kind {
            b'c' | b'm' => {
                let node = if *kind == b'm' {
                    Node::Folder { now: BTreeMap::new(), on_disk: vec![BTreeMap::new()] }
                } else {
                    Node::File { now: Vec::new(), synced: Vec::new() }
                };
                self.nodes.push(node);
                let id = self.nodes.len() - 1;
                self.by_inode.insert(*inode, id);
                self.change(path, |entries, name| entries.insert(name, id));
            }
            b't' | b'l' => self.file(*inode).resize(*offset as usize, 0),
            b'w' => {
                let (now, offset) = (self.file(*inode), *offset as usize);
                now.resize(now.len().max(offset + data.len()), 0);
                now[offset..offset + data.len()].copy_from_slice(data);
            }
            b'f' => match self.by_inode.get(inode).map(|id| &mut self.nodes[*id]) {
                Some(Node::File { now, synced }) => synced.clone_from(now),
                Some(Node::Folder { now, on_disk }) => *on_disk = vec![now.clone()],
                None => panic!("a sync of an unknown file"),
            },
            b'u' => self.change(path, |entries, name| entries.remove(&name)),
            b'r' | b'x' => {
                let (from, to) = (self.find(path).expect("the source"), self.find(other));
                match (kind, to) {
                    (b'x', Some(to)) => self.change(path, |entries, name| entries.insert(name, to)),
                    _ => self.change(path, |entries, name| entries.remove(&name)),
                }
                self.change(other, |entries, name| entries.insert(name, from));
                let files = self.files_of(from, other, &|_, states| states - 1, &|_, now, _| now.to_vec());
                for (path, content) in files {
                    self.named.entry(path).or_default().insert(content);
                }
            }
            _ => panic!("an unknown operation"),
        }
    }

    /// The present files.
    pub(super) fn now(&self) -> Files {
        self.files_of(0, &self.root, &|_, states| states - 1, &|_, now, _| now.to_vec())
    }

    /// The files after a power loss.
    pub(super) fn after(&self, loss: Loss) -> Files {
        let bits = |id: usize, seed: u64| {
            let mixed = (id as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                ^ seed.wrapping_mul(0xd6e8_feb8_6659_fd93);
            (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32
        };
        let state = |id: usize, states: usize| match loss {
            Loss::Everything => 0,
            Loss::Content => states - 1,
            Loss::Random(seed) => bits(id, seed) as usize % states,
        };
        let content = |id: usize, now: &[u8], synced: &[u8]| match loss {
            Loss::Random(seed) if bits(id, !seed) % 2 == 0 => now[..now.len() / 2].to_vec(),
            _ => synced.to_vec(),
        };
        self.files_of(0, &self.root, &state, &|id, now, synced| {
            if now == synced { now.to_vec() } else { content(id, now, synced) }
        })
    }

    /// Whether the file at a path ever had this content under this name.
    pub(super) fn had(&self, path: &Path, content: &[u8]) -> bool {
        self.named.get(path).is_some_and(|contents| contents.contains(content))
    }

    fn files_of(
        &self,
        id: usize,
        path: &Path,
        state: &dyn Fn(usize, usize) -> usize,
        content: &Survives<'_>,
    ) -> Files {
        match &self.nodes[id] {
            Node::File { now, synced } => Files::from([(path.to_owned(), content(id, now, synced))]),
            Node::Folder { on_disk, .. } => on_disk[state(id, on_disk.len())]
                .iter()
                .flat_map(|(name, id)| self.files_of(*id, &path.join(name), state, content))
                .collect(),
        }
    }

    fn file(&mut self, inode: u64) -> &mut Vec<u8> {
        match self.by_inode.get(&inode).map(|id| &mut self.nodes[*id]) {
            Some(Node::File { now, .. }) => now,
            _ => panic!("an unknown file"),
        }
    }

    fn find(&self, path: &Path) -> Option<usize> {
        path.strip_prefix(&self.root).expect("below").iter().try_fold(0, |id, name| match &self.nodes[id] {
            Node::Folder { now, .. } => now.get(name.to_str()?).copied(),
            Node::File { .. } => None,
        })
    }

    /// Changes the entries of the folder of a path.
    fn change(
        &mut self,
        path: &Path,
        change: impl FnOnce(&mut BTreeMap<String, usize>, String) -> Option<usize>,
    ) {
        let folder = self.find(path.parent().expect("a folder")).expect("it exists");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Node::Folder { now, on_disk } = &mut self.nodes[folder] else { panic!("not a folder") };
        change(now, name);
        on_disk.push(now.clone());
    }
}

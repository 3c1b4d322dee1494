//! What was collected before, kept for years: a file for each collector, scope and day, with its coverage lines, its
//! usage events counted, and its other records. A file is gzip over JSON lines (docs/streams.md), so `zcat` shows
//! it, and gzip's checksum tells a damaged one.

mod identity;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::{GzDecoder, MultiGzDecoder};
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::aggregate::rollup::Usage;
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, shown};
use crate::model::line::{self, Line, Rollup};
use crate::model::record::{Coverage, Status};
use crate::normalize::pseudonym::is_pseudonym;
use crate::system::files::NewFile;

pub use identity::{Identity, KnownInstance, Mismatch, Rename, Run, RunInstance};

/// The folder of a history.
#[derive(Clone, Debug)]
pub struct History {
    folder: PathBuf,
}

/// What a file is of, its first line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "history")]
pub struct Head {
    /// The version of the form.
    pub version: u32,
    /// The GitLab.
    pub instance: String,
    /// The collector.
    pub collector: String,
    /// The group path.
    pub scope: String,
    /// The day.
    pub day: Day,
}

/// Everybody whose events a file counts, in one line.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "people")]
pub struct Crowd {
    /// Global ids or pseudonyms, sorted.
    pub users: Vec<String>,
    /// Which of them are bots or service accounts by every fetch here that counts events of theirs, by their place.
    pub bots: Vec<u32>,
    /// Which of them are so by some of the fetches alone: by these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bots_of: BTreeMap<Timestamp, Vec<u32>>,
}

/// The counts of one event and what it is split by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "counts")]
pub struct Counts {
    /// The fetch.
    pub fetched_at: Timestamp,
    /// Which rows of the fetch were counted together, as in rollup lines.
    pub part: String,
    /// The event's name.
    pub event: String,
    /// The event's feature.
    pub feature: String,
    /// The language; absent where the source does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The editor; absent where the source does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ide: Option<String>,
    /// Of each person: how far the place in the crowd is from that of the person before, and how many events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<u64>,
    /// The same of those with a size: distance, events, events with a size, lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sized: Vec<u64>,
}

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Content {
    /// What it is of.
    pub head: Head,
    /// The coverage lines of its fetches.
    pub coverage: Vec<Coverage>,
    /// Whose events are counted.
    pub crowd: Crowd,
    /// The counts.
    pub counts: Vec<Counts>,
    /// What its rows tell of agents, as rollup lines.
    pub agents: BTreeSet<String>,
    /// Its other records, as lines.
    pub records: BTreeSet<String>,
}

/// The newest version of the form. Every older one is read.
const VERSION: u32 = 2;

/// The version without what rows tell of agents. A file that tells nothing of them is still written so, and earlier versions
/// of the program can read it.
const WITHOUT_AGENTS: u32 = 1;

/// What a line of counts begins with as it is written here.
const COUNTS: &str = r#"{"type":"counts","#;

/// What is said of a file of a later version.
pub const NEWER: &str = "it was written by a newer duo-metrics";

/// The file that says what the history is of.
const IDENTITY: &str = "identity.json";

/// What the line starts with that says what an export is of.
const IDENTITY_HEAD: &str = r#"{"type":"history_identity","#;

/// What the first line of every file starts with.
const HEAD: &str = r#"{"type":"history","#;

/// What the names of the files end in.
const ENDING: &str = ".jsonl.gz";

/// Where files go that cannot be read.
///
/// No collector can have this folder: a dot is never in theirs.
const DAMAGED: &str = ".damaged";

/// Days after the end of a day until which late events may come.
pub const DAYS_OF_LATE_EVENTS: i64 = 7;

impl History {
    /// The history in a folder, which is made when it is missing.
    pub fn open(folder: &Path) -> Result<History, Error> {
        fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        Ok(History { folder: folder.to_owned() })
    }

    /// The history in a folder that has to be there.
    pub fn at(folder: &Path) -> Result<History, Error> {
        match folder.is_dir() {
            true => Ok(History { folder: folder.to_owned() }),
            false => Err(Error::Configuration(format!(
                "there is no history folder {}; check --history",
                shown(folder)
            ))),
        }
    }

    /// The files, in a fixed order.
    pub fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for collector in entries(&self.folder)? {
            if collector.is_dir() && collector.file_name().is_some_and(|name| name != DAMAGED) {
                files.extend(
                    entries(&collector)?.into_iter().filter(|path| path.to_string_lossy().ends_with(ENDING)),
                );
            }
        }
        files.sort();
        Ok(files)
    }

    /// What the history is of; of one that an earlier version wrote, what its files are of.
    pub fn identity(&self) -> Result<Identity, Error> {
        self.kept_identity()?.map_or_else(|| self.identity_of_files(), Ok)
    }

    /// What the history is of, where a run has noted it.
    pub fn kept_identity(&self) -> Result<Option<Identity>, Error> {
        let path = self.folder.join(IDENTITY);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            Error::Configuration(format!(
                "{} is damaged at column {}; remove it, and the next run makes it again from the files of the history",
                path.display(),
                error.column()
            ))
        })
    }

    fn identity_of_files(&self) -> Result<Identity, Error> {
        let heads: Vec<Head> = self.files()?.iter().filter_map(|path| read_head(path).ok()).collect();
        Ok(Identity::of_files(heads.iter()))
    }

    /// Keeps what the history is of.
    pub fn write_identity(&self, identity: &Identity) -> Result<(), Error> {
        let path = self.folder.join(IDENTITY);
        let mut text = serde_json::to_vec(identity)
            .map_err(|error| Error::Bug(format!("cannot build {IDENTITY}: {error}")))?;
        text.push(b'\n');
        if fs::read(&path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        let mut file = NewFile::create(&path)?;
        file.write_all(&text).map_err(Error::file("write", &path))?;
        file.keep()
    }

    /// The error of a run that does not belong to this history.
    pub fn refusal(&self, mismatch: &Mismatch) -> Error {
        Error::Configuration(format!("history {}: {mismatch}", self.folder.display()))
    }

    /// The place of the file of a target.
    pub fn path(&self, instance: &str, collector: &str, scope: &str, day: Day) -> PathBuf {
        let digest = Sha256::digest(format!("{instance}\n{collector}\n{scope}").as_bytes());
        let digest = digest[..8].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        // A stream can hold any name, also none; the digest tells those apart that share a folder.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let folder: String = collector.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        let folder = if folder.is_empty() { "-" } else { folder.as_str() };
        self.folder.join(folder).join(format!("{day}-{digest}{ENDING}"))
    }

    /// Puts a file in its place, unless the same is there. Gives the place.
    pub fn write(&self, content: &Content) -> Result<PathBuf, Error> {
        let Head { instance, collector, scope, day, .. } = &content.head;
        let path = self.path(instance, collector, scope, *day);
        let mut packer = GzEncoder::new(Vec::new(), Compression::new(6));
        content.write_to(&mut packer)?;
        let packed = packer.finish().map_err(Error::file("write", &path))?;
        if fs::read(&path).is_ok_and(|there| there == packed) {
            return Ok(path);
        }
        let mut file = NewFile::create(&path)?;
        file.write_all(&packed).map_err(Error::writing)?;
        file.keep()?;
        Ok(path)
    }

    /// Moves a file out of the way, to where it can be looked at. Gives its new place.
    pub fn set_aside(&self, path: &Path) -> Result<PathBuf, Error> {
        let name =
            path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy().replace(['/', '\\'], "-");
        let folder = self.folder.join(DAMAGED);
        fs::create_dir_all(&folder).map_err(Error::file("make the folder", &folder))?;
        let aside = folder.join(name);
        fs::rename(path, &aside).map_err(Error::file("set aside", path))?;
        Ok(aside)
    }

    /// The coverage lines of days that need not be collected again: whole, and fetched when late events had come.
    pub fn final_days(&self, late_days: i64) -> Result<Vec<Coverage>, Error> {
        let mut days = Vec::new();
        for path in self.files()? {
            // A file that cannot be read is as good as none here; who reads all of it says so.
            let Ok(lines) = read_lines(&path) else { continue };
            let coverage =
                lines.map_while(Result::ok).skip(1).map_while(|line| line::parse::<Coverage>(&line).ok());
            let is_final = |line: &Coverage| {
                let settled = line.day.plus(1 + late_days).midnight();
                line.status == Status::Complete && line.fetched_at.is_some_and(|at| at >= settled)
            };
            days.extend(coverage.filter(is_final).max_by_key(|line| line.fetched_at));
        }
        Ok(days)
    }
}

/// Reads a file. The error says what is wrong with it, in half a line.
pub fn read(path: &Path) -> Result<Content, String> {
    parse(read_lines(path)?)
}

/// The first line of a file.
fn read_head(path: &Path) -> Result<Head, String> {
    let first = read_lines(path)?.next().ok_or("it is empty")??;
    line::parse(&first)
}

fn read_lines(path: &Path) -> Result<impl Iterator<Item = Result<String, String>>, String> {
    let file = File::open(path).map_err(unreadable)?;
    let lines = BufReader::new(GzDecoder::new(BufReader::new(file))).lines();
    Ok(lines.map(|line| line.map_err(unreadable)))
}

/// A part of an export.
#[derive(Debug)]
pub enum Exported {
    /// What the history is of.
    Identity(Identity),
    /// A file.
    Content(Content),
}

/// An identity as the first member of an export of so many files.
pub fn packed_identity(identity: Identity, files: u64) -> Result<Vec<u8>, Error> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::new(6));
    put(&mut packer, &Identity { files: Some(files), ..identity })?;
    packer.finish().map_err(Error::writing)
}

/// Reads an export: files that were written one after the other into one, and what the history is of. It ends with the first that
/// cannot be read.
pub fn read_all(input: impl BufRead) -> impl Iterator<Item = Result<Exported, String>> {
    let lines = BufReader::new(MultiGzDecoder::new(input)).lines();
    let mut lines = lines.map(|line| line.map_err(unreadable)).peekable();
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let first = lines.next()?;
        let begins =
            |line: &Result<String, String>, with| line.as_ref().is_ok_and(|line| line.starts_with(with));
        let part = if begins(&first, IDENTITY_HEAD) {
            first.and_then(|line| line::parse(&line)).map(Exported::Identity)
        } else {
            let is_of_file =
                |line: &Result<String, String>| !begins(line, HEAD) && !begins(line, IDENTITY_HEAD);
            let rest = std::iter::from_fn(|| lines.next_if(is_of_file));
            parse(std::iter::once(first).chain(rest)).map(Exported::Content)
        };
        is_over = part.is_err();
        Some(part)
    })
}

fn unreadable(error: std::io::Error) -> String {
    format!("it cannot be read: {error}")
}

fn parse(mut lines: impl Iterator<Item = Result<String, String>>) -> Result<Content, String> {
    let head: Head = match lines.next() {
        Some(line) => line::parse(&line?)?,
        None => return Err("it is empty".to_owned()),
    };
    if head.version > VERSION {
        return Err(format!("{NEWER} (version {} of the form)", head.version));
    }
    let mut content = Content {
        head,
        coverage: Vec::new(),
        crowd: Crowd::default(),
        counts: Vec::new(),
        agents: BTreeSet::new(),
        records: BTreeSet::new(),
    };
    #[derive(Deserialize)]
    struct Tag {
        r#type: String,
    }
    for line in lines {
        let line = line?;
        // Counts are most of a file and long: their type, which is written first, is not looked for apart.
        if line.starts_with(COUNTS) {
            content.counts.push(line::parse(&line)?);
            continue;
        }
        match line::parse::<Tag>(&line)?.r#type.as_str() {
            "coverage" => content.coverage.push(line::parse(&line)?),
            "people" => content.crowd = line::parse(&line)?,
            "counts" => content.counts.push(line::parse(&line)?),
            "rollup" => {
                content.agents.insert(line);
            }
            _ => {
                content.records.insert(line);
            }
        }
    }
    content.check()?;
    Ok(content)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    entries.map(|entry| Ok(entry.map_err(Error::file("read", folder))?.path())).collect()
}

impl Head {
    /// The version of a file that tells of agents or does not.
    pub fn version(tells_of_agents: bool) -> u32 {
        if tells_of_agents { VERSION } else { WITHOUT_AGENTS }
    }
}

impl Content {
    /// How much there is to be had from it: the rows of its fullest complete fetch, and the moment of the newest. That a
    /// newer one with fewer rows does not replace a fuller one holds here too.
    pub fn worth(&self) -> Option<(Option<u64>, Option<Timestamp>)> {
        let complete = self.coverage.iter().filter(|line| line.status == Status::Complete);
        complete.map(|line| (line.rows, line.fetched_at)).max()
    }

    /// Writes the lines.
    fn write_to(&self, writer: &mut impl Write) -> Result<(), Error> {
        let mut writer = BufWriter::with_capacity(1 << 16, writer);
        put(&mut writer, &self.head)?;
        self.coverage.iter().try_for_each(|line| put(&mut writer, line))?;
        if !self.crowd.users.is_empty() {
            put(&mut writer, &self.crowd)?;
        }
        self.counts.iter().try_for_each(|line| put(&mut writer, line))?;
        for line in self.agents.iter().chain(&self.records) {
            writeln!(writer, "{line}").map_err(Error::writing)?;
        }
        writer.flush().map_err(Error::writing)
    }

    /// Whether every count is of somebody who is in the crowd.
    fn check(&self) -> Result<(), String> {
        let people = self.crowd.users.len() as u64;
        let mut bots = self.crowd.bots.iter().chain(self.crowd.bots_of.values().flatten());
        let is_bot_there = bots.all(|bot| u64::from(*bot) < people);
        let are_there = |counts: &[u64], width: usize| {
            let steps = counts.iter().step_by(width);
            let last = steps.clone().try_fold(0_u64, |place, step| place.checked_add(*step));
            counts.len().is_multiple_of(width)
                && (counts.is_empty() || last.is_some_and(|last| last < people))
        };
        match is_bot_there
            && self.counts.iter().all(|line| are_there(&line.counts, 2) && are_there(&line.sized, 4))
        {
            true => Ok(()),
            false => Err("its counts are of people it does not name".to_owned()),
        }
    }

    /// Gives everything in it the names that an address and a group have after a change. False when nothing changes.
    pub fn rename(&mut self, rename: &Rename) -> Result<bool, String> {
        let (instance, scope) = rename.apply(&self.head.instance, &self.head.scope);
        let is_same = instance == self.head.instance && scope == self.head.scope;
        let mut records = BTreeSet::new();
        let mut has_changed = !is_same;
        for text in &self.records {
            let Line::Record(mut record) = Line::parse(text)? else {
                return Err("it holds a line of an unknown type".to_owned());
            };
            let project = record.project().and_then(|project| rename.project(&self.head.instance, project));
            has_changed |= project.is_some();
            if let Some(project) = project {
                record.set_project(project);
            }
            record.set_origin(&instance, &scope);
            records.insert(serde_json::to_string(&record).map_err(|error| error.to_string())?);
        }
        if !has_changed {
            return Ok(false);
        }
        self.records = records;
        for coverage in &mut self.coverage {
            coverage.instance.clone_from(&instance);
            coverage.scope.clone_from(&scope);
        }
        let mut agents = BTreeSet::new();
        for text in &self.agents {
            let Line::Rollup(mut rollup) = Line::parse(text)? else {
                return Err("it holds a line of an unknown kind".to_owned());
            };
            rollup.set_origin(&instance, &scope);
            agents.insert(serde_json::to_string(&rollup).map_err(|error| error.to_string())?);
        }
        self.agents = agents;
        (self.head.instance, self.head.scope) = (instance, scope);
        Ok(true)
    }

    /// Whether people in it have pseudonyms.
    pub fn has_pseudonyms(&self) -> bool {
        self.crowd.users.iter().any(|user| is_pseudonym(user))
            || self.records.iter().any(|record| record.contains("\"user\":\"hmac:"))
    }

    /// Takes a person out: the events counted, the records of the person's own, and the authorship of others. Returns
    /// how many rows went.
    pub fn forget(&mut self, user: &str) -> u64 {
        let mut gone = 0;
        if let Some(place) = self.crowd.users.iter().position(|other| other == user) {
            let place = place as u64;
            let mut by_fetch: BTreeMap<Timestamp, u64> = BTreeMap::new();
            for line in &mut self.counts {
                let rows = without(&mut line.counts, 2, place) + without(&mut line.sized, 4, place);
                *by_fetch.entry(line.fetched_at).or_default() += rows;
            }
            self.counts.retain(|line| !line.counts.is_empty() || !line.sized.is_empty());
            self.crowd.users.remove(place as usize);
            let place = place as u32;
            self.crowd.forget_bot(place);
            for (fetched_at, rows) in by_fetch {
                gone += rows;
                self.count_less(fetched_at, rows);
            }
        }
        self.forget_agents(user);
        gone + self.forget_records(user)
    }

    /// Takes a person out of what rows tell of agents; those rows were counted before. A session that is of nobody else
    /// goes.
    fn forget_agents(&mut self, user: &str) {
        for line in std::mem::take(&mut self.agents) {
            let kept = match Line::parse(&line) {
                Ok(Line::Rollup(Rollup::Agent(agent))) if agent.user == user => None,
                Ok(Line::Rollup(Rollup::Session(mut session))) if session.users.contains_key(user) => {
                    session.users.remove(user);
                    session.bots.remove(user);
                    let is_of_others = !session.users.is_empty();
                    is_of_others.then(|| serde_json::to_string(&session).ok()).flatten()
                }
                _ => Some(line),
            };
            self.agents.extend(kept);
        }
        self.head.version = Head::version(!self.agents.is_empty());
    }

    fn forget_records(&mut self, user: &str) -> u64 {
        let mut gone = 0;
        for record in std::mem::take(&mut self.records) {
            let Ok(mut value) = line::parse::<serde_json::Map<String, serde_json::Value>>(&record) else {
                self.records.insert(record);
                continue;
            };
            if value.get("user").is_some_and(|of| of == user) {
                gone += 1;
                let fetched_at =
                    value.get("fetched_at").and_then(|at| at.as_str()).and_then(|at| at.parse().ok());
                if let Some(fetched_at) = fetched_at {
                    self.count_less(fetched_at, 1);
                }
            } else if value.get("author").is_some_and(|author| author == user) {
                gone += 1;
                value.insert("author".to_owned(), serde_json::Value::Null);
                self.records.insert(serde_json::Value::Object(value).to_string());
            } else {
                self.records.insert(record);
            }
        }
        gone
    }

    /// Makes the coverage line of a fetch say so many rows less.
    fn count_less(&mut self, fetched_at: Timestamp, rows: u64) {
        for line in self.coverage.iter_mut().filter(|line| line.fetched_at == Some(fetched_at)) {
            line.rows = line.rows.map(|all| all.saturating_sub(rows));
        }
    }
}

impl Crowd {
    /// The places of those who are bots or service accounts by a fetch.
    pub fn bots_by(&self, fetched_at: Timestamp) -> BTreeSet<usize> {
        self.bots
            .iter()
            .chain(self.bots_of.get(&fetched_at).into_iter().flatten())
            .map(|bot| *bot as usize)
            .collect()
    }

    /// Takes the user at a place out of the bots.
    fn forget_bot(&mut self, place: u32) {
        for bots in std::iter::once(&mut self.bots).chain(self.bots_of.values_mut()) {
            bots.retain(|bot| *bot != place);
            bots.iter_mut().filter(|bot| **bot > place).for_each(|bot| *bot -= 1);
        }
        self.bots_of.retain(|_, bots| !bots.is_empty());
    }
}

impl Counts {
    /// The counts by the place of the person in the crowd.
    pub fn entries(&self) -> impl Iterator<Item = (usize, Usage)> {
        fn placed(counts: &[u64], width: usize) -> impl Iterator<Item = (usize, &[u64])> {
            counts.chunks_exact(width).scan(0, |place, entry| {
                *place += entry[0];
                Some((*place as usize, &entry[1..]))
            })
        }
        let plain = placed(&self.counts, 2)
            .map(|(place, counts)| (place, Usage { events: counts[0], sized: 0, lines: 0 }));
        let sized = placed(&self.sized, 4)
            .map(|(place, counts)| (place, Usage { events: counts[0], sized: counts[1], lines: counts[2] }));
        plain.chain(sized)
    }
}

fn put(writer: &mut impl Write, line: &impl Serialize) -> Result<(), Error> {
    let text =
        serde_json::to_string(line).map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?;
    writeln!(writer, "{text}").map_err(Error::writing)
}

/// Takes one person's entry out of counts, and that person's place out of the crowd. Returns the events taken out.
fn without(counts: &mut Vec<u64>, width: usize, gone: u64) -> u64 {
    let (mut kept, mut events, mut place, mut last) = (Vec::with_capacity(counts.len()), 0, 0, 0);
    for entry in counts.chunks_exact(width) {
        place += entry[0];
        if place == gone {
            events += entry[1];
            continue;
        }
        let new = place - u64::from(place > gone);
        kept.push(new - last);
        kept.extend(&entry[1..]);
        last = new;
    }
    *counts = kept;
    events
}

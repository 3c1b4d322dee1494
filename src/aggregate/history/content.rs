//! The content of one file of a history.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};

use serde::{Deserialize, Serialize};

use super::identity::Rename;
use crate::aggregate::rollup::Usage;
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::Error;
use crate::model::coverage::{Coverage, Status};
use crate::model::line::{self, Line, Rollup};
use crate::normalize::pseudonym::is_pseudonym;

/// The first line of a file: the target of its fetches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "history")]
pub struct Head {
    /// The version of the format.
    pub version: u32,
    /// The GitLab instance.
    pub instance: String,
    /// The collector.
    pub collector: String,
    /// The group path.
    pub scope: String,
    /// The day.
    pub day: Day,
}

/// The people whose events a file counts, in one line.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "people")]
pub struct PeopleTable {
    /// Global ids or pseudonyms, sorted.
    pub users: Vec<String>,
    /// Indexes of the users who are bots or service accounts in every fetch of this file that
    /// counts their events.
    pub bots: Vec<u32>,
    /// Indexes of the users who are bots in some of the fetches only, by fetch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bots_of: BTreeMap<Timestamp, Vec<u32>>,
}

/// The counts of one event and its dimensions.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "counts")]
pub struct CountsLine {
    /// The time of the fetch.
    pub fetched_at: Timestamp,
    /// Which rows of the fetch were counted together, as in rollup lines.
    pub part: String,
    /// The event's name.
    pub event: String,
    /// The event's feature.
    pub feature: String,
    /// The language; absent if the source does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The editor; absent if the source does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ide: Option<String>,
    /// Two numbers per person: the distance of the index in [`PeopleTable`] from that of the person
    /// before, and the number of events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<u64>,
    /// Four numbers per person whose events have a size: distance, events, events with a size,
    /// lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sized: Vec<u64>,
}

/// The content of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Content {
    /// The first line.
    pub head: Head,
    /// The coverage lines of its fetches.
    pub coverage: Vec<Coverage>,
    /// The people whose events are counted.
    pub people: PeopleTable,
    /// The counts.
    pub counts: Vec<CountsLine>,
    /// Agent data of its rows, as rollup lines.
    pub agents: BTreeSet<String>,
    /// Its other records, as lines.
    pub records: BTreeSet<String>,
}

/// Why a file of a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A newer version of the program wrote the file; the value is the version of its format.
    #[error("a newer duo-metrics wrote it (format version {0})")]
    NewerVersion(u32),
    /// The file is damaged; the text states how.
    #[error("{0}")]
    Damaged(String),
}

impl From<String> for ReadError {
    fn from(reason: String) -> ReadError {
        ReadError::Damaged(reason)
    }
}

impl From<&str> for ReadError {
    fn from(reason: &str) -> ReadError {
        ReadError::Damaged(reason.to_owned())
    }
}

/// The newest version of the format. All older ones can be read.
const VERSION: u32 = 2;

/// The version without agent data. Files without agent data still have this version, so earlier
/// releases can read them.
const VERSION_WITHOUT_AGENTS: u32 = 1;

/// The start of a counts line as this program writes it.
const COUNTS_START: &str = r#"{"type":"counts","#;

/// Reads the lines of a file.
pub(super) fn parse(
    mut lines: impl Iterator<Item = Result<String, ReadError>>,
) -> Result<Content, ReadError> {
    let head: Head = match lines.next() {
        Some(line) => line::parse(&line?)?,
        None => return Err("it is empty".into()),
    };
    if head.version > VERSION {
        return Err(ReadError::NewerVersion(head.version));
    }
    let mut content = Content {
        head,
        coverage: Vec::new(),
        people: PeopleTable::default(),
        counts: Vec::new(),
        agents: BTreeSet::new(),
        records: BTreeSet::new(),
    };
    #[derive(Deserialize)]
    struct Tag {
        r#type: String,
    }
    let mut agents = Vec::new();
    for line in lines {
        let line = line?;
        // Counts and agent data are the bulk of a file: skip the separate parse of the type, which is
        // written first.
        if line.starts_with(COUNTS_START) {
            content.counts.push(line::parse(&line)?);
            continue;
        }
        if line.starts_with(line::ROLLUP_START) {
            agents.push(line);
            continue;
        }
        match line::parse::<Tag>(&line)?.r#type.as_str() {
            "coverage" => content.coverage.push(line::parse(&line)?),
            "people" => content.people = line::parse(&line)?,
            "counts" => content.counts.push(line::parse(&line)?),
            "rollup" => agents.push(line),
            _ => {
                content.records.insert(line);
            }
        }
    }
    // They are sorted, so this does not search for the place of each.
    content.agents = agents.into_iter().collect();
    content.check()?;
    Ok(content)
}

impl Head {
    /// The version of a file with or without agent data.
    pub fn version(has_agents: bool) -> u32 {
        if has_agents { VERSION } else { VERSION_WITHOUT_AGENTS }
    }
}

impl Content {
    /// A key for comparing two contents of the same file: the rows of the fullest complete fetch,
    /// and the time of the newest one. A fetch with fewer rows does not replace a fuller one.
    pub fn completeness(&self) -> Option<(Option<u64>, Option<Timestamp>)> {
        let complete = self.coverage.iter().filter(|line| line.status == Status::Complete);
        complete.map(|line| (line.rows, line.fetched_at)).max()
    }

    /// Writes the lines.
    pub(super) fn write_to(&self, writer: &mut impl Write) -> Result<(), Error> {
        let mut writer = BufWriter::with_capacity(1 << 16, writer);
        write_line(&mut writer, &self.head)?;
        self.coverage.iter().try_for_each(|line| write_line(&mut writer, line))?;
        if !self.people.users.is_empty() {
            write_line(&mut writer, &self.people)?;
        }
        self.counts.iter().try_for_each(|line| write_line(&mut writer, line))?;
        for line in self.agents.iter().chain(&self.records) {
            writeln!(writer, "{line}").map_err(Error::writing)?;
        }
        writer.flush().map_err(Error::writing)
    }

    /// Checks that every index is in the people table.
    fn check(&self) -> Result<(), String> {
        let people = self.people.users.len() as u64;
        let mut bots = self.people.bots.iter().chain(self.people.bots_of.values().flatten());
        let bots_are_valid = bots.all(|bot| u64::from(*bot) < people);
        let are_valid = |counts: &[u64], width: usize| {
            let steps = counts.iter().step_by(width);
            let last = steps.clone().try_fold(0_u64, |index, step| index.checked_add(*step));
            counts.len().is_multiple_of(width)
                && (counts.is_empty() || last.is_some_and(|last| last < people))
        };
        if bots_are_valid
            && self.counts.iter().all(|line| are_valid(&line.counts, 2) && are_valid(&line.sized, 4))
        {
            Ok(())
        } else {
            Err("its counts refer to people missing from its list".to_owned())
        }
    }

    /// Applies a rename to everything in the file. Returns false if nothing changes.
    pub fn rename(&mut self, rename: &Rename) -> Result<bool, String> {
        let (instance, scope) = rename.apply(&self.head.instance, &self.head.scope);
        let is_same = instance == self.head.instance && scope == self.head.scope;
        let mut records = BTreeSet::new();
        let mut has_changed = !is_same;
        for text in &self.records {
            let Line::Record(mut record) = Line::parse(text)? else {
                return Err("it contains a line of an unknown type".to_owned());
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
                return Err("it contains a line of an unknown kind".to_owned());
            };
            rollup.set_origin(&instance, &scope);
            agents.insert(serde_json::to_string(&rollup).map_err(|error| error.to_string())?);
        }
        self.agents = agents;
        (self.head.instance, self.head.scope) = (instance, scope);
        Ok(true)
    }

    /// Whether it contains pseudonyms.
    pub fn has_pseudonyms(&self) -> bool {
        self.people.users.iter().any(|user| is_pseudonym(user))
            || self.records.iter().any(|record| record.contains("\"user\":\"hmac:"))
    }

    /// Removes a person: their counted events, their own records, and their authorship of other
    /// records. Returns the number of rows removed or changed; `None` if the person is not in the
    /// file.
    pub fn forget(&mut self, user: &str) -> Option<u64> {
        let (mut removed, mut is_found) = (0, false);
        while let Some(index) = self.people.users.iter().position(|other| other == user) {
            is_found = true;
            let index = index as u64;
            let mut by_fetch: BTreeMap<Timestamp, u64> = BTreeMap::new();
            for line in &mut self.counts {
                let rows = remove_entry(&mut line.counts, 2, index) + remove_entry(&mut line.sized, 4, index);
                *by_fetch.entry(line.fetched_at).or_default() += rows;
            }
            self.counts.retain(|line| !line.counts.is_empty() || !line.sized.is_empty());
            self.people.users.remove(index as usize);
            let index = index as u32;
            self.people.remove_bot(index);
            for (fetched_at, rows) in by_fetch {
                removed += rows;
                self.lower_rows(fetched_at, rows);
            }
        }
        is_found |= self.forget_agents(user);
        removed += self.forget_records(user);
        (is_found || removed > 0).then_some(removed)
    }

    /// Removes a person from agent data, whose rows are counted elsewhere. A session without other
    /// users is removed. Returns whether there was anything.
    fn forget_agents(&mut self, user: &str) -> bool {
        let mut is_found = false;
        for line in std::mem::take(&mut self.agents) {
            let kept = match Line::parse(&line) {
                Ok(Line::Rollup(Rollup::Agent(agent))) if agent.user == user => {
                    is_found = true;
                    None
                }
                Ok(Line::Rollup(Rollup::Session(mut session))) if session.users.contains_key(user) => {
                    is_found = true;
                    session.users.remove(user);
                    session.bots.remove(user);
                    let has_other_users = !session.users.is_empty();
                    has_other_users.then(|| serde_json::to_string(&session).ok()).flatten()
                }
                // Nobody can read this line, so it goes if it may be about them.
                Err(_) if line.contains(user) => {
                    is_found = true;
                    None
                }
                _ => Some(line),
            };
            self.agents.extend(kept);
        }
        self.head.version = Head::version(!self.agents.is_empty());
        is_found
    }

    fn forget_records(&mut self, user: &str) -> u64 {
        let mut removed = 0;
        for record in std::mem::take(&mut self.records) {
            let Ok(mut value) = line::parse::<serde_json::Map<String, serde_json::Value>>(&record) else {
                self.records.insert(record);
                continue;
            };
            if value.get("user").is_some_and(|of| of == user) {
                removed += 1;
                let fetched_at =
                    value.get("fetched_at").and_then(|at| at.as_str()).and_then(|at| at.parse().ok());
                if let Some(fetched_at) = fetched_at {
                    self.lower_rows(fetched_at, 1);
                }
            } else if value.get("author").is_some_and(|author| author == user) {
                removed += 1;
                value.insert("author".to_owned(), serde_json::Value::Null);
                self.records.insert(serde_json::Value::Object(value).to_string());
            } else {
                self.records.insert(record);
            }
        }
        removed
    }

    /// Lowers the declared rows of a fetch.
    fn lower_rows(&mut self, fetched_at: Timestamp, rows: u64) {
        for line in self.coverage.iter_mut().filter(|line| line.fetched_at == Some(fetched_at)) {
            line.rows = line.rows.map(|all| all.saturating_sub(rows));
        }
    }
}

impl PeopleTable {
    /// Indexes of the users who are bots or service accounts in a fetch.
    pub fn bots_by(&self, fetched_at: Timestamp) -> BTreeSet<usize> {
        self.bots
            .iter()
            .chain(self.bots_of.get(&fetched_at).into_iter().flatten())
            .map(|bot| *bot as usize)
            .collect()
    }

    /// Removes the user at an index from the bots and shifts the indexes after it.
    fn remove_bot(&mut self, index: u32) {
        for bots in std::iter::once(&mut self.bots).chain(self.bots_of.values_mut()) {
            bots.retain(|bot| *bot != index);
            bots.iter_mut().filter(|bot| **bot > index).for_each(|bot| *bot -= 1);
        }
        self.bots_of.retain(|_, bots| !bots.is_empty());
    }
}

impl CountsLine {
    /// The counts by the index of the person in [`PeopleTable`].
    pub fn entries(&self) -> impl Iterator<Item = (usize, Usage)> {
        fn indexed(counts: &[u64], width: usize) -> impl Iterator<Item = (usize, &[u64])> {
            counts.chunks_exact(width).scan(0, |index, entry| {
                *index += entry[0];
                Some((*index as usize, &entry[1..]))
            })
        }
        let unsized_counts = indexed(&self.counts, 2)
            .map(|(index, counts)| (index, Usage { events: counts[0], sized: 0, lines: 0 }));
        let sized = indexed(&self.sized, 4)
            .map(|(index, counts)| (index, Usage { events: counts[0], sized: counts[1], lines: counts[2] }));
        unsized_counts.chain(sized)
    }
}

/// Removes a person's entry from counts and shifts the indexes after it. Returns the number of
/// events removed.
fn remove_entry(counts: &mut Vec<u64>, width: usize, removed: u64) -> u64 {
    let (mut kept, mut events, mut index, mut last) = (Vec::with_capacity(counts.len()), 0, 0, 0);
    for entry in counts.chunks_exact(width) {
        index += entry[0];
        if index == removed {
            events += entry[1];
            continue;
        }
        let new = index - u64::from(index > removed);
        kept.push(new - last);
        kept.extend(&entry[1..]);
        last = new;
    }
    *counts = kept;
    events
}

pub(super) fn write_line(writer: &mut impl Write, line: &impl Serialize) -> Result<(), Error> {
    let text =
        serde_json::to_string(line).map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?;
    writeln!(writer, "{text}").map_err(Error::writing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_data_that_cannot_be_read_goes_with_the_person_that_it_names() {
        let head = r#"{"type":"history","version":2,"instance":"i","collector":"usage_events","scope":"acme","day":"2026-10-01"}"#;
        let lines = [
            head,
            r#"{"type":"rollup","kind":"agent","user":"gid://gitlab/User/7","events":"#,
            r#"{"type":"rollup","kind":"agent","user":"gid://gitlab/User/8","events":"#,
        ];
        let mut content = parse(lines.into_iter().map(|line| Ok(line.to_owned()))).expect("a file");
        assert_eq!(content.agents.len(), 2);
        assert_eq!(content.forget("gid://gitlab/User/7"), Some(0));
        assert_eq!(content.agents.len(), 1);
        assert!(content.agents.iter().all(|line| line.contains("User/8")));
    }
}

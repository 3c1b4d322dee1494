//! Saves the days of a stream to the history.

use std::collections::{BTreeMap, BTreeSet};

use super::Intake;
use crate::aggregate::history::{Content, CountsLine, Head, History, PeopleTable};
use crate::aggregate::rollup::{Fetch, PersonId, Rollups, Target, Usage};
use crate::aggregate::view::Resolved;
use crate::base::calendar::Timestamp;
use crate::base::error::Error;
use crate::model::coverage::Coverage;
use crate::system::files::FileChanges;

impl Intake {
    /// Saves the days of the stream to the history: of each collector, scope and day, the fetch
    /// that counts, and incomplete newer ones.
    pub fn save(&self, resolved: &Resolved<'_>, history: &History) -> Result<(), Error> {
        let mut changes = FileChanges::default();
        for target in self.kept.keys() {
            history.write(&self.content(resolved, *target)?, &mut changes)?;
        }
        changes.apply()
    }

    /// The content of the file of a target.
    fn content(&self, resolved: &Resolved<'_>, target: Target) -> Result<Content, Error> {
        let fetches = self.rollups.fetches.get(&target);
        let counted = resolved.counted(target);
        let is_kept = |at: &Timestamp, fetch: &Fetch| {
            counted.is_none_or(|counted| {
                *at == counted || (*at > counted && !fetch.is_complete() && fetch.arrived() > 0)
            })
        };
        let kept: BTreeMap<Timestamp, &Fetch> = fetches
            .into_iter()
            .flatten()
            .filter(|(at, fetch)| is_kept(at, fetch))
            .map(|(at, fetch)| (*at, fetch))
            .collect();
        let mut coverage: Vec<Coverage> = kept.values().filter_map(|fetch| fetch.declared.clone()).collect();
        if counted.is_none() {
            coverage.extend(self.rollups.coverage_unanswered(target));
        }
        let (people, counts) = self.counts(&kept);
        let agents = self.agents(target, &kept)?;
        let text = |name| self.rollups.symbols.text(name).to_owned();
        let head = Head {
            version: Head::version(!agents.is_empty()),
            instance: text(target.instance),
            collector: text(target.collector),
            scope: text(target.scope),
            day: target.day,
        };
        let records = self.kept.get(&target).into_iter().flatten();
        let records = records.filter(|(at, _)| kept.contains_key(at)).map(|(_, record)| record.clone());
        Ok(Content { head, coverage, people, counts, agents, records: records.collect() })
    }

    /// The agent data of these fetches, as rollup lines.
    fn agents(&self, target: Target, kept: &BTreeMap<Timestamp, &Fetch>) -> Result<BTreeSet<String>, Error> {
        let fetches = kept.iter().map(|(at, fetch)| (*at, *fetch));
        let (sessions, counts) = self.rollups.agents_of(target, fetches);
        let sessions = sessions.iter().map(serde_json::to_string);
        let lines: Result<_, _> = sessions.chain(counts.iter().map(serde_json::to_string)).collect();
        lines.map_err(|error| Error::Bug(format!("cannot build a line: {error}")))
    }

    fn counts(&self, kept: &BTreeMap<Timestamp, &Fetch>) -> (PeopleTable, Vec<CountsLine>) {
        let Rollups { symbols, people, cells, .. } = &self.rollups;
        let all = kept.values().flat_map(|fetch| fetch.usage()).flat_map(|(_, entries)| entries);
        let mut sorted: Vec<_> = all.map(|(person, _)| person).collect();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.sort_unstable_by_key(|person| people.user(*person));
        let indexes: BTreeMap<_, u64> = sorted.iter().copied().zip(0..).collect();
        let mut lines = Vec::new();
        for (fetched_at, fetch) in kept {
            for (part, tally) in fetch.parts() {
                for (cell, entries) in tally {
                    let cell = cells.cell(cell);
                    let mut entries: Vec<(u64, Usage)> =
                        entries.map(|(person, usage)| (indexes[&person], usage)).collect();
                    entries.sort_unstable_by_key(|(index, _)| *index);
                    let mut line = CountsLine {
                        fetched_at: *fetched_at,
                        part: part.to_string(),
                        event: symbols.text(cell.event).to_owned(),
                        feature: symbols.text(cell.feature).to_owned(),
                        language: cell.language.map(|language| symbols.text(language).to_owned()),
                        ide: cell.ide.map(|ide| symbols.text(ide).to_owned()),
                        counts: Vec::new(),
                        sized: Vec::new(),
                    };
                    let (mut last, mut last_sized) = (0, 0);
                    for (index, usage) in entries {
                        if usage.sized == 0 {
                            line.counts.extend([index - last, usage.events]);
                            last = index;
                        } else {
                            line.sized.extend([index - last_sized, usage.events, usage.sized, usage.lines]);
                            last_sized = index;
                        }
                    }
                    lines.push(line);
                }
            }
        }
        lines.sort_unstable();
        let (bots, bots_of) = bots_by_index(&sorted, kept);
        let users = sorted.iter().map(|person| people.user(*person).to_owned()).collect();
        let table = PeopleTable { users, bots, bots_of };
        (table, lines)
    }
}

/// Indexes of the people who are bots in every one of these fetches that counts their events, and
/// of those who are bots in some of the fetches only.
fn bots_by_index(
    sorted: &[PersonId],
    kept: &BTreeMap<Timestamp, &Fetch>,
) -> (Vec<u32>, BTreeMap<Timestamp, Vec<u32>>) {
    let mut bots = Vec::new();
    let mut bots_of: BTreeMap<Timestamp, Vec<u32>> = BTreeMap::new();
    for (person, index) in sorted.iter().zip(0..) {
        let is_bot_by = |fetch: &Fetch| fetch.bots.contains(person);
        if !kept.values().any(|fetch| is_bot_by(fetch)) {
            continue;
        }
        let counts = |fetch: &Fetch| {
            fetch.usage().any(|(_, mut entries)| entries.any(|(counted, _)| counted == *person))
        };
        if kept.values().all(|fetch| is_bot_by(fetch) || !counts(fetch)) {
            bots.push(index);
            continue;
        }
        for (at, _) in kept.iter().filter(|(_, fetch)| is_bot_by(fetch)) {
            bots_of.entry(*at).or_default().push(index);
        }
    }
    (bots, bots_of)
}

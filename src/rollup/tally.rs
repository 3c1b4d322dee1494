//! Sums by cell and person in little memory: about five bytes for each of them.
//!
//! New counts wait in a list; a full list is sorted, summed and packed into a run. Runs are merged so that each is
//! at least twice as long as the next: memory grows with the different cells and people, not with the events.

use super::names::PersonId;

/// By what a fetch counts, beside the person, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(pub(super) u32);

impl CellId {
    /// The number, for looking something up by it.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Counts of usage events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usage {
    /// Events.
    pub events: u64,
    /// Events that carry a size.
    pub sized: u64,
    /// Sum of their sizes, in lines of code.
    pub lines: u64,
}

/// What becomes of two counts of the same cell and person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Twice {
    /// They are of different rows and add up.
    #[default]
    AddUp,
    /// They are the same count, met again.
    CountOnce,
}

/// Sums by cell and person.
#[derive(Debug, Default)]
pub(super) struct Tally {
    twice: Twice,
    pending: Vec<(Key, Usage)>,
    runs: Vec<Run>,
}

/// A cell and a person.
type Key = (CellId, PersonId);

/// Sorted counts, packed: of each, how far the person is from the one before, and the counts.
#[derive(Clone, Debug, Default)]
struct Run {
    bytes: Vec<u8>,
    entries: usize,
    /// Where each cell starts.
    cells: Vec<(CellId, usize)>,
}

/// The people of a cell with their counts, by person.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    person: u32,
}

/// How many counts wait before they are summed.
const MOST_PENDING: usize = 1 << 15;

impl Usage {
    /// The count of one event.
    pub fn of_event(lines: Option<u32>) -> Usage {
        Usage { events: 1, sized: lines.is_some().into(), lines: lines.unwrap_or(0).into() }
    }

    /// The count of so many of what this is the count of.
    pub fn times(self, many: u64) -> Usage {
        Usage { events: self.events * many, sized: self.sized * many, lines: self.lines * many }
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Usage) {
        self.events += other.events;
        self.sized += other.sized;
        self.lines += other.lines;
    }
}

impl Tally {
    /// An empty tally.
    pub(super) fn new(twice: Twice) -> Tally {
        Tally { twice, ..Tally::default() }
    }

    /// Adds counts.
    pub(super) fn add(&mut self, cell: CellId, person: PersonId, usage: Usage) {
        self.pending.push(((cell, person), usage));
        if self.pending.len() >= MOST_PENDING {
            self.settle();
        }
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.runs.is_empty()
    }

    /// Sums what waits, and gives back the memory it waited in.
    pub(super) fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.pending.sort_unstable_by_key(|(key, _)| *key);
        let mut run = Packer::default();
        let mut summed: Option<(Key, Usage)> = None;
        for (key, usage) in std::mem::take(&mut self.pending) {
            summed = Some(match summed {
                Some((last, sum)) if last == key => (key, self.twice.of(sum, usage)),
                Some(done) => {
                    run.push(done);
                    (key, usage)
                }
                None => (key, usage),
            });
        }
        summed.into_iter().for_each(|done| run.push(done));
        self.runs.push(run.run);
        while let [.., older, newer] = self.runs.as_slice()
            && older.entries < 2 * newer.entries
        {
            self.merge_last_two();
        }
    }

    /// Sums everything, after which it can be read.
    pub(super) fn finish(&mut self) {
        self.settle();
        while self.runs.len() > 1 {
            self.merge_last_two();
        }
        self.runs.iter_mut().for_each(|run| {
            run.bytes.shrink_to_fit();
            run.cells.shrink_to_fit();
        });
    }

    /// The sums by cell, sorted. What waits, or was not merged, is not in it: finish first.
    pub(super) fn cells(&self) -> impl Iterator<Item = (CellId, Entries<'_>)> + Clone {
        self.runs.iter().flat_map(Run::cells)
    }

    /// The same one by one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CellId, PersonId, Usage)> + '_ {
        self.cells().flat_map(|(cell, entries)| entries.map(move |(person, usage)| (cell, person, usage)))
    }

    fn merge_last_two(&mut self) {
        let (Some(newer), Some(older)) = (self.runs.pop(), self.runs.pop()) else { return };
        let mut merged = Packer::default();
        let (mut one, mut other) = (older.iter().peekable(), newer.iter().peekable());
        loop {
            let next = match (one.peek(), other.peek()) {
                (Some((a, _)), Some((b, _))) if a == b => {
                    let (key, usage) = one.next().expect("it was peeked at");
                    other.next().map(|(_, more)| (key, self.twice.of(usage, more)))
                }
                (Some((a, _)), Some((b, _))) if a > b => other.next(),
                (Some(_), _) => one.next(),
                (None, _) => other.next(),
            };
            match next {
                Some(entry) => merged.push(entry),
                None => break,
            }
        }
        self.runs.push(merged.run);
    }
}

impl Twice {
    fn of(self, mut one: Usage, other: Usage) -> Usage {
        match self {
            Twice::AddUp => one.add(&other),
            // Should they differ all the same, the choice must not depend on their order.
            Twice::CountOnce => one = one.max(other),
        }
        one
    }
}

/// Packs sorted counts.
#[derive(Default)]
struct Packer {
    run: Run,
    person: u32,
}

impl Packer {
    fn push(&mut self, ((cell, person), usage): (Key, Usage)) {
        if self.run.cells.last().is_none_or(|(last, _)| *last != cell) {
            self.run.cells.push((cell, self.run.bytes.len()));
            self.person = 0;
        }
        // How far the person is from the one before, and a bit that says whether there is a size.
        write(&mut self.run.bytes, u64::from(person.0 - self.person) << 1 | u64::from(usage.sized > 0));
        write(&mut self.run.bytes, usage.events);
        if usage.sized > 0 {
            write(&mut self.run.bytes, usage.sized);
            write(&mut self.run.bytes, usage.lines);
        }
        self.run.entries += 1;
        self.person = person.0;
    }
}

impl Run {
    fn cells(&self) -> impl Iterator<Item = (CellId, Entries<'_>)> + Clone {
        let ends = self.cells.iter().skip(1).map(|(_, start)| *start).chain([self.bytes.len()]);
        let cells = self.cells.iter().zip(ends);
        cells.map(|((cell, start), end)| (*cell, Entries { bytes: &self.bytes[*start..end], person: 0 }))
    }

    fn iter(&self) -> impl Iterator<Item = (Key, Usage)> + '_ {
        self.cells().flat_map(|(cell, entries)| entries.map(move |(person, usage)| ((cell, person), usage)))
    }
}

impl Iterator for Entries<'_> {
    type Item = (PersonId, Usage);

    fn next(&mut self) -> Option<(PersonId, Usage)> {
        let first = read(&mut self.bytes)?;
        self.person += (first >> 1) as u32;
        let events = read(&mut self.bytes)?;
        let (sized, lines) = match first & 1 {
            0 => (0, 0),
            _ => (read(&mut self.bytes)?, read(&mut self.bytes)?),
        };
        Some((PersonId(self.person), Usage { events, sized, lines }))
    }
}

/// Writes a number, seven bits a byte, the lowest first.
fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads a number that was written so; `None` at the end.
fn read(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn counts() -> impl Strategy<Value = Vec<(Key, Usage)>> {
        let usage = (1..3_u64, proptest::option::of(0..=u32::MAX)).prop_map(|(events, lines)| Usage {
            events,
            sized: lines.is_some().into(),
            lines: lines.unwrap_or(0).into(),
        });
        let number = prop_oneof![0..3_u32, Just(200), Just(u32::MAX)];
        let key = (number.clone(), number).prop_map(|(cell, person)| (CellId(cell), PersonId(person)));
        proptest::collection::vec((key, usage), 0..60)
    }

    proptest! {
        #[test]
        fn sums_are_those_of_a_plain_map_however_they_are_settled(counts in counts(), every in 1..20_usize) {
            let mut tally = Tally::new(Twice::AddUp);
            let mut plain: BTreeMap<Key, Usage> = BTreeMap::new();
            for (number, (key, usage)) in counts.iter().enumerate() {
                tally.add(key.0, key.1, *usage);
                plain.entry(*key).or_default().add(usage);
                if number % every == 0 {
                    tally.settle();
                }
            }
            tally.finish();
            let sums: Vec<_> = tally.iter().map(|(cell, person, usage)| ((cell, person), usage)).collect();
            prop_assert_eq!(sums, plain.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn what_counts_once_does_so_in_any_order(mut counts in counts(), every in 1..20_usize) {
            let once = |counts: &[(Key, Usage)]| {
                let mut tally = Tally::new(Twice::CountOnce);
                for (number, (key, usage)) in counts.iter().enumerate() {
                    tally.add(key.0, key.1, *usage);
                    if number % every == 0 {
                        tally.settle();
                    }
                }
                tally.finish();
                tally.iter().collect::<Vec<_>>()
            };
            let forward = once(&counts);
            counts.reverse();
            prop_assert_eq!(&once(&counts), &forward);
            counts.extend(counts.clone());
            prop_assert_eq!(once(&counts), forward);
        }
    }
}

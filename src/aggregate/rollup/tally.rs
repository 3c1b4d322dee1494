//! Usage summed by cell and person, at about four bytes per sum.

use super::interner::PersonId;
use super::sorted_runs::{Members, OnDuplicate, Packing, SortedRuns, read_number, write_number};
use crate::model::number::TOO_LARGE;

/// The id of a [`Cell`](super::Cell).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(pub(super) u32);

impl CellId {
    /// The id as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Counts of usage events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usage {
    /// Events.
    pub events: u64,
    /// Events with a size.
    pub sized: u64,
    /// Sum of their sizes, in lines of code.
    pub lines: u64,
}

/// Sums by cell and person.
#[derive(Debug, Default)]
pub(super) struct Tally {
    runs: SortedRuns<ByPerson>,
    packed: Vec<PackedEvent>,
    /// Counts that do not fit a [`PackedEvent`].
    small: Vec<(PackedKey, SmallUsage)>,
    large: Vec<(PackedKey, Usage)>,
}

/// The count of one event, as nearly all are: from the highest bit to the lowest, 16 bits for the
/// cell, 24 for the person, one for whether it has a size, and 23 for the size. Small entries sort
/// faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PackedEvent(u64);

/// A cell and a person; sorts by both.
type PackedKey = u64;

/// Counts in fewer bits; they suffice for nearly all other entries.
#[derive(Clone, Copy, Debug)]
struct SmallUsage {
    events: u16,
    sized: u16,
    lines: u32,
}

/// The people of a cell with their counts, by person.
#[derive(Clone, Debug)]
pub struct Entries<'a>(Members<'a, ByPerson>);

/// Packed usage by cell: the distance of each person from the one before, and the counts.
#[derive(Debug)]
struct ByPerson;

/// Counts that may be pending before they are summed. Most days have fewer in all, so that there is
/// nothing to merge.
const MAX_PENDING: usize = 1 << 17;

impl Usage {
    /// The count of one event.
    pub fn of_event(lines: Option<u32>) -> Usage {
        Usage { events: 1, sized: lines.is_some().into(), lines: lines.unwrap_or(0).into() }
    }

    /// The count multiplied by `factor`.
    pub fn times(self, factor: u64) -> Usage {
        Usage {
            events: self.events.saturating_mul(factor),
            sized: self.sized.saturating_mul(factor),
            lines: self.lines.saturating_mul(factor),
        }
    }

    /// Adds other counts; a sum that overflows becomes [`TOO_LARGE`].
    pub fn add(&mut self, other: &Usage) {
        self.events = self.events.saturating_add(other.events);
        self.sized = self.sized.saturating_add(other.sized);
        self.lines = self.lines.saturating_add(other.lines);
    }

    fn to_small(self) -> Option<SmallUsage> {
        Some(SmallUsage {
            events: self.events.try_into().ok()?,
            sized: self.sized.try_into().ok()?,
            lines: self.lines.try_into().ok()?,
        })
    }
}

impl From<SmallUsage> for Usage {
    fn from(SmallUsage { events, sized, lines }: SmallUsage) -> Usage {
        Usage { events: events.into(), sized: sized.into(), lines: lines.into() }
    }
}

impl Tally {
    /// An empty tally.
    pub(super) fn new(on_duplicate: OnDuplicate) -> Tally {
        Tally { runs: SortedRuns::new(on_duplicate), ..Tally::default() }
    }

    /// Adds counts.
    pub(super) fn add(&mut self, cell: CellId, person: PersonId, usage: Usage) {
        match PackedEvent::of(cell, person, &usage) {
            Some(one) => self.packed.push(one),
            None => self.add_unpacked(u64::from(cell.0) << 32 | u64::from(person.0), usage),
        }
        if self.packed.len() + self.small.len() + self.large.len() >= MAX_PENDING {
            self.sum_pending();
        }
    }

    fn add_unpacked(&mut self, key: PackedKey, usage: Usage) {
        match usage.to_small() {
            Some(small) => self.small.push((key, small)),
            None => self.large.push((key, usage)),
        }
    }

    /// Whether a sum overflows. Call [`Tally::finish`] first.
    pub(super) fn is_too_large(&self) -> bool {
        self.runs.is_too_large()
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.packed.is_empty() && self.small.is_empty() && self.large.is_empty() && self.runs.is_empty()
    }

    /// Sums pending counts and frees their memory.
    pub(super) fn settle(&mut self) {
        self.sum_pending();
        (self.packed, self.small, self.large) = (Vec::new(), Vec::new(), Vec::new());
    }

    /// Sums everything; required before reading.
    pub(super) fn finish(&mut self) {
        self.settle();
        self.runs.finish();
    }

    fn sum_pending(&mut self) {
        self.packed.sort_unstable();
        self.runs.add(self.packed.drain(..).map(PackedEvent::count));
        self.runs.add(sorted(&mut self.small));
        self.runs.add(sorted(&mut self.large));
    }

    /// The sums by cell, sorted. Call [`Tally::finish`] first.
    pub(super) fn cells(&self) -> impl Iterator<Item = (CellId, Entries<'_>)> + Clone {
        self.runs.groups().map(|(cell, people)| (cell, Entries(people)))
    }

    /// The sums one by one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CellId, PersonId, Usage)> + '_ {
        self.cells().flat_map(|(cell, entries)| entries.map(move |(person, usage)| (cell, person, usage)))
    }
}

/// Drains the entries, sorted.
fn sorted<T: Into<Usage>>(
    pending: &mut Vec<(PackedKey, T)>,
) -> impl Iterator<Item = ((CellId, PersonId), Usage)> {
    pending.sort_unstable_by_key(|(key, _)| *key);
    pending.drain(..).map(|(key, usage)| {
        let (cell, person) = ((key >> 32) as u32, key as u32);
        ((CellId(cell), PersonId(person)), usage.into())
    })
}

impl PackedEvent {
    /// `None` if it does not fit.
    fn of(CellId(cell): CellId, PersonId(person): PersonId, usage: &Usage) -> Option<PackedEvent> {
        let Usage { events, sized, lines } = *usage;
        let fits = cell < 1 << 16 && person < 1 << 24 && events == 1 && sized <= 1 && lines < 1 << 23;
        fits.then(|| PackedEvent(u64::from(cell) << 48 | u64::from(person) << 24 | sized << 23 | lines))
    }

    fn count(self) -> ((CellId, PersonId), Usage) {
        let PackedEvent(bits) = self;
        let (cell, person) = ((bits >> 48) as u32, (bits >> 24) as u32 & 0xff_ffff);
        (
            (CellId(cell), PersonId(person)),
            Usage { events: 1, sized: bits >> 23 & 1, lines: bits & 0x7f_ffff },
        )
    }
}

impl Packing for ByPerson {
    type Group = CellId;
    type Member = PersonId;
    type Sum = Usage;

    fn add(sum: &mut Usage, more: &Usage) {
        sum.add(more);
    }

    fn is_too_large(sum: &Usage) -> bool {
        sum.events == TOO_LARGE || sum.lines == TOO_LARGE
    }

    fn write(bytes: &mut Vec<u8>, before: Option<PersonId>, person: PersonId, usage: &Usage) {
        // The distance from the person before, a bit for whether it is one event, and a bit for
        // whether it has a size.
        let distance = u64::from(person.0 - before.map_or(0, |before| before.0));
        let (is_one, is_sized) = (usage.events == 1 && usage.sized <= 1, usage.sized > 0);
        write_number(bytes, distance << 2 | u64::from(is_one) << 1 | u64::from(is_sized));
        if !is_one {
            write_number(bytes, usage.events);
        }
        if is_sized {
            if !is_one {
                write_number(bytes, usage.sized);
            }
            write_number(bytes, usage.lines);
        }
    }

    fn read(bytes: &mut &[u8], before: Option<PersonId>) -> Option<(PersonId, Usage)> {
        let first = read_number(bytes)?;
        let person = PersonId(before.map_or(0, |before| before.0) + (first >> 2) as u32);
        let (is_one, is_sized) = (first & 2 != 0, first & 1 != 0);
        let events = if is_one { 1 } else { read_number(bytes)? };
        let (sized, lines) = if is_sized {
            (if is_one { 1 } else { read_number(bytes)? }, read_number(bytes)?)
        } else {
            (0, 0)
        };
        Some((person, Usage { events, sized, lines }))
    }
}

impl Iterator for Entries<'_> {
    type Item = (PersonId, Usage);

    fn next(&mut self) -> Option<(PersonId, Usage)> {
        self.0.next()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Key = (CellId, PersonId);

    fn counts() -> impl Strategy<Value = Vec<(Key, Usage)>> {
        let number = || prop_oneof![4 => 1..3_u64, 1 => Just(0x1_0000), 1 => Just(1 << 40)];
        let size = || {
            let most = prop_oneof![Just((1 << 23) - 1), Just(1 << 23), Just(u32::MAX.into()), Just(1 << 32)];
            prop_oneof![2 => 0..300_u64, 1 => most]
        };
        let usage = (number(), proptest::option::of((number(), size()))).prop_map(|(events, size)| {
            let (sized, lines) = size.unwrap_or_default();
            Usage { events, sized, lines }
        });
        let limits = [1 << 16, 1 << 24].map(|limit| prop_oneof![Just(limit - 1), Just(limit)]);
        let [cell_limit, person_limit] = limits;
        let number = prop_oneof![3 => 0..3_u32, 1 => Just(200), 1 => cell_limit, 1 => person_limit, 1 => Just(u32::MAX)];
        let key = (number.clone(), number).prop_map(|(cell, person)| (CellId(cell), PersonId(person)));
        proptest::collection::vec((key, usage), 0..60)
    }

    proptest! {
        #[test]
        fn sums_equal_those_of_a_map_however_often_they_are_settled(counts in counts(), every in 1..20_usize) {
            let mut tally = Tally::new(OnDuplicate::Add);
            let mut expected: BTreeMap<Key, Usage> = BTreeMap::new();
            for (number, (key, usage)) in counts.iter().enumerate() {
                tally.add(key.0, key.1, *usage);
                expected.entry(*key).or_default().add(usage);
                if number % every == 0 {
                    tally.settle();
                }
            }
            tally.finish();
            let sums: Vec<_> = tally.iter().map(|(cell, person, usage)| ((cell, person), usage)).collect();
            prop_assert_eq!(sums, expected.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn repeated_counts_are_kept_once_in_any_order(mut counts in counts(), every in 1..20_usize) {
            let once = |counts: &[(Key, Usage)]| {
                let mut tally = Tally::new(OnDuplicate::KeepOne);
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

//! Usage summed by cell and person, in little memory: about four bytes for each of them.

use super::names::PersonId;
use super::runs::{Members, Packing, Runs, Twice, read, write};
use crate::model::record::TOO_LARGE;

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

/// Sums by cell and person.
#[derive(Debug, Default)]
pub(super) struct Tally {
    runs: Runs<ByPerson>,
    ones: Vec<One>,
    /// What is too many to wait with those.
    few: Vec<(Place, Few)>,
    many: Vec<(Place, Usage)>,
}

/// A cell, a person and the count of one event, as nearly all are that come in. From the highest bit to the lowest: 16 bits, 24, one
/// that says whether there is a size, and 23 for it. The less there is to sort, the faster it is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct One(u64);

/// A cell and a person, in the order of both.
type Place = u64;

/// Counts as nearly all others are.
#[derive(Clone, Copy, Debug)]
struct Few {
    events: u16,
    sized: u16,
    lines: u32,
}

/// The people of a cell with their counts, by person.
#[derive(Clone, Debug)]
pub struct Entries<'a>(Members<'a, ByPerson>);

/// Usage by cell and person, packed: of each person how far they are from the one before, and the counts.
#[derive(Debug)]
struct ByPerson;

/// How many counts wait before they are summed: of most days all, so that nothing has to be merged.
const MOST_WAITING: usize = 1 << 17;

impl Usage {
    /// The count of one event.
    pub fn of_event(lines: Option<u32>) -> Usage {
        Usage { events: 1, sized: lines.is_some().into(), lines: lines.unwrap_or(0).into() }
    }

    /// The count of so many of what this is the count of.
    pub fn times(self, many: u64) -> Usage {
        Usage {
            events: self.events.saturating_mul(many),
            sized: self.sized.saturating_mul(many),
            lines: self.lines.saturating_mul(many),
        }
    }

    /// Adds other counts; a sum that a number cannot hold becomes [`TOO_LARGE`].
    pub fn add(&mut self, other: &Usage) {
        self.events = self.events.saturating_add(other.events);
        self.sized = self.sized.saturating_add(other.sized);
        self.lines = self.lines.saturating_add(other.lines);
    }

    fn few(self) -> Option<Few> {
        Some(Few {
            events: self.events.try_into().ok()?,
            sized: self.sized.try_into().ok()?,
            lines: self.lines.try_into().ok()?,
        })
    }
}

impl From<Few> for Usage {
    fn from(Few { events, sized, lines }: Few) -> Usage {
        Usage { events: events.into(), sized: sized.into(), lines: lines.into() }
    }
}

impl Tally {
    /// An empty tally.
    pub(super) fn new(twice: Twice) -> Tally {
        Tally { runs: Runs::new(twice), ..Tally::default() }
    }

    /// Adds counts.
    pub(super) fn add(&mut self, cell: CellId, person: PersonId, usage: Usage) {
        match One::of(cell, person, &usage) {
            Some(one) => self.ones.push(one),
            None => self.add_more(u64::from(cell.0) << 32 | u64::from(person.0), usage),
        }
        if self.ones.len() + self.few.len() + self.many.len() >= MOST_WAITING {
            self.sum_up();
        }
    }

    fn add_more(&mut self, place: Place, usage: Usage) {
        match usage.few() {
            Some(few) => self.few.push((place, few)),
            None => self.many.push((place, usage)),
        }
    }

    /// Whether a sum is more than a number can hold. What waits is not in it: finish first.
    pub(super) fn is_too_large(&self) -> bool {
        self.runs.is_too_large()
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.ones.is_empty() && self.few.is_empty() && self.many.is_empty() && self.runs.is_empty()
    }

    /// Sums what waits, and gives back the memory it waited in.
    pub(super) fn settle(&mut self) {
        self.sum_up();
        (self.ones, self.few, self.many) = (Vec::new(), Vec::new(), Vec::new());
    }

    /// Sums everything, after which it can be read.
    pub(super) fn finish(&mut self) {
        self.settle();
        self.runs.finish();
    }

    fn sum_up(&mut self) {
        self.ones.sort_unstable();
        self.runs.add(self.ones.drain(..).map(One::count));
        self.runs.add(sorted(&mut self.few));
        self.runs.add(sorted(&mut self.many));
    }

    /// The sums by cell, sorted. What waits, or was not merged, is not in it: finish first.
    pub(super) fn cells(&self) -> impl Iterator<Item = (CellId, Entries<'_>)> + Clone {
        self.runs.groups().map(|(cell, people)| (cell, Entries(people)))
    }

    /// The same one by one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CellId, PersonId, Usage)> + '_ {
        self.cells().flat_map(|(cell, entries)| entries.map(move |(person, usage)| (cell, person, usage)))
    }
}

/// Takes everything out, sorted.
fn sorted<T: Into<Usage>>(
    waiting: &mut Vec<(Place, T)>,
) -> impl Iterator<Item = ((CellId, PersonId), Usage)> {
    waiting.sort_unstable_by_key(|(place, _)| *place);
    waiting.drain(..).map(|(place, usage)| {
        let (cell, person) = ((place >> 32) as u32, place as u32);
        ((CellId(cell), PersonId(person)), usage.into())
    })
}

impl One {
    /// `None` when it does not fit.
    fn of(CellId(cell): CellId, PersonId(person): PersonId, usage: &Usage) -> Option<One> {
        let Usage { events, sized, lines } = *usage;
        let fits = cell < 1 << 16 && person < 1 << 24 && events == 1 && sized <= 1 && lines < 1 << 23;
        fits.then(|| One(u64::from(cell) << 48 | u64::from(person) << 24 | sized << 23 | lines))
    }

    fn count(self) -> ((CellId, PersonId), Usage) {
        let One(bits) = self;
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
        // How far the person is from the one before, a bit that says whether it is one event, and one whether there is a
        // size.
        let distance = u64::from(person.0 - before.map_or(0, |before| before.0));
        let (is_one, is_sized) = (usage.events == 1 && usage.sized <= 1, usage.sized > 0);
        write(bytes, distance << 2 | u64::from(is_one) << 1 | u64::from(is_sized));
        if !is_one {
            write(bytes, usage.events);
        }
        if is_sized {
            if !is_one {
                write(bytes, usage.sized);
            }
            write(bytes, usage.lines);
        }
    }

    fn read(bytes: &mut &[u8], before: Option<PersonId>) -> Option<(PersonId, Usage)> {
        let first = read(bytes)?;
        let person = PersonId(before.map_or(0, |before| before.0) + (first >> 2) as u32);
        let (is_one, is_sized) = (first & 2 != 0, first & 1 != 0);
        let events = if is_one { 1 } else { read(bytes)? };
        let (sized, lines) = match (is_sized, is_one) {
            (false, _) => (0, 0),
            (true, true) => (1, read(bytes)?),
            (true, false) => (read(bytes)?, read(bytes)?),
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
        let usage = (number(), proptest::option::of((number(), size()))).prop_map(|(events, told)| {
            let (sized, lines) = told.unwrap_or_default();
            Usage { events, sized, lines }
        });
        let borders = [1 << 16, 1 << 24].map(|border| prop_oneof![Just(border - 1), Just(border)]);
        let [of_cell, of_person] = borders;
        let number =
            prop_oneof![3 => 0..3_u32, 1 => Just(200), 1 => of_cell, 1 => of_person, 1 => Just(u32::MAX)];
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

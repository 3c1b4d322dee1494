//! Sums by key in little memory: sorted and packed.
//!
//! New sums are sorted, added up and packed into a run. Runs are merged so that each is at least
//! twice as long as the next, as in a log-structured merge tree: memory grows with the distinct
//! keys, not with the number of additions.

use std::fmt::Debug;

/// A type of key and sum, and how it is packed.
pub(super) trait Packing {
    /// The first part of a key, stored once per group.
    type Group: Copy + Debug + Ord;
    /// The rest of a key.
    type Member: Copy + Debug + Ord;
    /// The sum.
    type Sum: Copy + Ord;

    /// Adds to a sum.
    fn add(sum: &mut Self::Sum, more: &Self::Sum);

    /// Whether a sum overflows.
    fn is_too_large(sum: &Self::Sum) -> bool;

    /// Writes a sum after that of the member `before` of the same group.
    fn write(bytes: &mut Vec<u8>, before: Option<Self::Member>, member: Self::Member, sum: &Self::Sum);

    /// Reads what `write` wrote; `None` at the end.
    fn read(bytes: &mut &[u8], before: Option<Self::Member>) -> Option<(Self::Member, Self::Sum)>;
}

/// A key.
pub(super) type Key<P> = (<P as Packing>::Group, <P as Packing>::Member);

/// What happens to two sums of the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OnDuplicate {
    /// They count different rows: add them.
    #[default]
    Add,
    /// They are the same sum, received again: keep one.
    KeepOne,
}

/// Sums by key.
#[derive(Debug)]
pub(super) struct SortedRuns<P: Packing> {
    on_duplicate: OnDuplicate,
    runs: Vec<SortedRun<P>>,
}

/// Sorted, packed sums.
#[derive(Debug)]
struct SortedRun<P: Packing> {
    bytes: Vec<u8>,
    /// The start of each group.
    groups: Vec<(P::Group, usize)>,
    /// Whether any of the sums overflows.
    is_too_large: bool,
}

/// The sums of a group by member.
#[derive(Debug)]
pub(super) struct Members<'a, P: Packing> {
    bytes: &'a [u8],
    before: Option<P::Member>,
}

impl<P: Packing> SortedRuns<P> {
    /// No sums.
    pub(super) fn new(on_duplicate: OnDuplicate) -> SortedRuns<P> {
        SortedRuns { on_duplicate, runs: Vec::new() }
    }

    /// Whether there are no sums.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether any sum overflows.
    pub(super) fn is_too_large(&self) -> bool {
        self.runs.iter().any(|run| run.is_too_large)
    }

    /// Adds sums that are sorted by key.
    pub(super) fn add(&mut self, sorted: impl Iterator<Item = (Key<P>, P::Sum)>) {
        let mut packer = Packer::<P>::with_room(0, 0);
        let mut summed: Option<(Key<P>, P::Sum)> = None;
        for (key, more) in sorted {
            match &mut summed {
                Some((last, sum)) if *last == key => self.on_duplicate.join::<P>(sum, &more),
                _ => {
                    let done = summed.replace((key, more));
                    done.iter().for_each(|((group, member), sum)| packer.push(*group, *member, sum));
                }
            }
        }
        let Some(((group, member), sum)) = summed else { return };
        packer.push(group, member, &sum);
        self.runs.push(packer.finish());
        while let [.., older, newer] = self.runs.as_slice()
            && older.bytes.len() < 2 * newer.bytes.len()
        {
            self.merge_last_two();
        }
    }

    /// Merges everything; required before reading.
    pub(super) fn finish(&mut self) {
        while self.runs.len() > 1 {
            self.merge_last_two();
        }
    }

    /// The sums by group, sorted. Call [`SortedRuns::finish`] first: sums in different runs are not
    /// added.
    pub(super) fn groups(&self) -> impl Iterator<Item = (P::Group, Members<'_, P>)> + Clone {
        self.runs.iter().flat_map(SortedRun::groups)
    }

    fn merge_last_two(&mut self) {
        let (Some(newer), Some(older)) = (self.runs.pop(), self.runs.pop()) else { return };
        // Reserve for both; the excess is freed at the end.
        let mut merged = Packer::with_room(
            older.bytes.len() + newer.bytes.len(),
            older.groups.len().max(newer.groups.len()),
        );
        merged.run.is_too_large = older.is_too_large || newer.is_too_large;
        let (mut ones, mut others) = (older.groups(), newer.groups());
        let (mut one, mut other) = (ones.next(), others.next());
        loop {
            match (&one, &other) {
                (Some((a, of_one)), Some((b, of_other))) if a == b => {
                    merged.merge(*a, of_one.clone(), of_other.clone(), self.on_duplicate);
                    (one, other) = (ones.next(), others.next());
                }
                (Some((a, _)), Some((b, of_other))) if a > b => {
                    merged.copy(*b, of_other);
                    other = others.next();
                }
                (Some((group, members)), _) => {
                    merged.copy(*group, members);
                    one = ones.next();
                }
                (None, Some((group, members))) => {
                    merged.copy(*group, members);
                    other = others.next();
                }
                (None, None) => break,
            }
        }
        self.runs.push(merged.finish());
    }
}

impl<P: Packing> Default for SortedRuns<P> {
    fn default() -> SortedRuns<P> {
        SortedRuns::new(OnDuplicate::default())
    }
}

impl OnDuplicate {
    fn join<P: Packing>(self, sum: &mut P::Sum, more: &P::Sum) {
        match self {
            OnDuplicate::Add => P::add(sum, more),
            // They should be equal. If not, the choice must not depend on their order.
            OnDuplicate::KeepOne => *sum = (*sum).max(*more),
        }
    }
}

/// Packs sorted sums.
struct Packer<P: Packing> {
    run: SortedRun<P>,
    before: Option<P::Member>,
}

impl<P: Packing> Packer<P> {
    fn with_room(bytes: usize, groups: usize) -> Packer<P> {
        let run = SortedRun {
            bytes: Vec::with_capacity(bytes),
            groups: Vec::with_capacity(groups),
            is_too_large: false,
        };
        Packer { run, before: None }
    }

    fn start(&mut self, group: P::Group) {
        self.run.groups.push((group, self.run.bytes.len()));
        self.before = None;
    }

    fn push(&mut self, group: P::Group, member: P::Member, sum: &P::Sum) {
        if self.run.groups.last().is_none_or(|(last, _)| *last != group) {
            self.start(group);
        }
        self.write(member, sum);
    }

    fn write(&mut self, member: P::Member, sum: &P::Sum) {
        P::write(&mut self.run.bytes, self.before, member, sum);
        self.run.is_too_large |= P::is_too_large(sum);
        self.before = Some(member);
    }

    /// Copies a group without changing it.
    fn copy(&mut self, group: P::Group, members: &Members<'_, P>) {
        self.start(group);
        self.run.bytes.extend_from_slice(members.bytes);
    }

    fn merge(
        &mut self,
        group: P::Group,
        mut ones: Members<'_, P>,
        mut others: Members<'_, P>,
        on_duplicate: OnDuplicate,
    ) {
        self.start(group);
        let (mut one, mut other) = (ones.next(), others.next());
        loop {
            match (&mut one, &other) {
                (Some((a, sum)), Some((b, more))) if a == b => {
                    on_duplicate.join::<P>(sum, more);
                    self.write(*a, sum);
                    (one, other) = (ones.next(), others.next());
                }
                (Some((a, _)), Some((b, sum))) if *a > *b => {
                    self.write(*b, sum);
                    other = others.next();
                }
                (Some((member, sum)), _) => {
                    self.write(*member, sum);
                    one = ones.next();
                }
                (None, Some((member, sum))) => {
                    self.write(*member, sum);
                    other = others.next();
                }
                (None, None) => break,
            }
        }
    }

    fn finish(mut self) -> SortedRun<P> {
        self.run.bytes.shrink_to_fit();
        self.run.groups.shrink_to_fit();
        self.run
    }
}

impl<P: Packing> SortedRun<P> {
    fn groups(&self) -> impl Iterator<Item = (P::Group, Members<'_, P>)> + Clone {
        let ends = self.groups.iter().skip(1).map(|(_, start)| *start).chain([self.bytes.len()]);
        let groups = self.groups.iter().zip(ends);
        groups
            .map(|((group, start), end)| (*group, Members { bytes: &self.bytes[*start..end], before: None }))
    }
}

impl<P: Packing> Clone for Members<'_, P> {
    fn clone(&self) -> Self {
        Members { ..*self }
    }
}

impl<P: Packing> Iterator for Members<'_, P> {
    type Item = (P::Member, P::Sum);

    fn next(&mut self) -> Option<(P::Member, P::Sum)> {
        let (member, sum) = P::read(&mut self.bytes, self.before)?;
        self.before = Some(member);
        Some((member, sum))
    }
}

/// Writes a number as LEB128: seven bits per byte, the lowest first.
pub(super) fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads a LEB128 number; `None` at the end.
pub(super) fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    if *first < 0x80 {
        return Some((*first).into());
    }
    let (mut number, mut shift) = (u64::from(*first & 0x7f), 7);
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

//! Which rows of a fetch were seen.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

use crate::model::record::Row;

/// A set of rows, a bit each: 64 rows that lie together take about 24 bytes. Events with an id of their own are in it by
/// that alone.
#[derive(Debug, Default)]
pub struct RowSet {
    words: HashMap<(u32, u32), u64, RandomState>,
    ids: Ids,
}

/// The ids of events.
#[derive(Debug, Default)]
pub(super) struct Ids(HashSet<EventId, RandomState>);

/// The id of an event: the first half of the SHA-256 of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct EventId(u128);

/// A part of a set: rows of the same word.
pub(super) struct RowsTogether<'a>(&'a mut u64);

impl RowSet {
    /// Adds a row; false when it was there.
    pub fn insert(&mut self, row: Row) -> bool {
        self.part_of(row).0.insert(row)
    }

    /// Adds so many rows of a page, from this one on, and returns how many of them were not there.
    pub(super) fn insert_all(&mut self, first: Row, rows: u32) -> u64 {
        let rows = (0..rows).map_while(|place| first.index.checked_add(place));
        rows.filter(|index| self.insert(Row { page: first.page, index: *index })).count() as u64
    }

    /// The part of the set that holds this row, and the ids: rows that lie together are added to it without looking for it
    /// again.
    pub(super) fn part_of(&mut self, row: Row) -> (RowsTogether<'_>, &mut Ids) {
        (RowsTogether(self.words.entry(word_of(row)).or_default()), &mut self.ids)
    }

    /// How many rows it holds.
    pub fn len(&self) -> u64 {
        let rows: u64 = self.words.values().map(|bits| u64::from(bits.count_ones())).sum();
        rows + self.ids.0.len() as u64
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is something in it, and all of it by an id.
    pub(super) fn has_only_ids(&self) -> bool {
        !self.ids.0.is_empty() && self.words.values().all(|bits| *bits == 0)
    }

    /// What tells this set from others, whatever the order its rows came in: the sum over its rows of the first
    /// 60 bits of the SHA-256 of their text, or of the id of the event (docs/streams.md). Any engine can make it.
    pub fn digest(&self) -> String {
        let mut sum: u128 = self.ids.0.iter().map(|id| id.0 >> 68).sum();
        for ((page, word), bits) in &self.words {
            for bit in (0..64).filter(|bit| bits & (1 << bit) != 0) {
                sum += u128::from(digest_of(Row { page: *page, index: word * 64 + bit }));
            }
        }
        sum.to_string()
    }
}

impl Ids {
    /// Adds an id; false when it was there.
    pub(super) fn insert(&mut self, id: EventId) -> bool {
        self.0.insert(id)
    }
}

impl EventId {
    /// The id of this text.
    pub(super) fn of(text: &str) -> EventId {
        let hash = Sha256::digest(text.as_bytes());
        let (first, _) = hash.split_first_chunk::<16>().expect("a SHA-256 has 32 bytes");
        EventId(u128::from_be_bytes(*first))
    }
}

/// The word of a row: rows of the same word lie together.
pub(super) fn word_of(row: Row) -> (u32, u32) {
    (row.page, row.index / 64)
}

impl RowsTogether<'_> {
    /// Adds a row of this part; false when it was there.
    pub(super) fn insert(&mut self, row: Row) -> bool {
        let bit = 1 << (row.index % 64);
        let is_new = *self.0 & bit == 0;
        *self.0 |= bit;
        is_new
    }
}

fn digest_of(row: Row) -> u64 {
    let hash = Sha256::digest(row.to_string().as_bytes());
    let (first, _) = hash.split_first_chunk::<8>().expect("a SHA-256 has 32 bytes");
    u64::from_be_bytes(*first) >> 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        text.parse().expect("a literal row")
    }

    #[test]
    fn a_row_is_new_once() {
        let mut rows = RowSet::default();
        assert!(
            rows.insert(row("1:63"))
                && rows.insert(row("1:64"))
                && rows.insert(row("2:63"))
                && rows.insert(row("64"))
        );
        assert!(!rows.insert(row("1:63")) && !rows.insert(row("64")));
        assert!(rows.insert(row("4294967295:4294967295")));
        assert_eq!(rows.len(), 5);
        assert_eq!((rows.insert_all(row("1:62"), 130), rows.len()), (128, 133));
        assert_eq!(rows.insert_all(row("4294967295:4294967294"), 9), 1);
    }

    #[test]
    fn the_digest_is_of_the_set_and_not_of_its_order() {
        let set = |texts: &[&str]| {
            let mut rows = RowSet::default();
            texts.iter().for_each(|text| assert!(rows.insert(row(text))));
            rows.digest()
        };
        assert_eq!(set(&["1:0", "7", "2:65"]), set(&["2:65", "1:0", "7"]));
        assert_ne!(set(&["1:0", "7"]), set(&["1:0", "8"]));
        // printf '1:0' | sha256sum starts with a6685f3b62d57bf; the sum is in decimals.
        assert_eq!(
            set(&["1:0"]),
            i64::from_str_radix(&sha("1:0")[..15], 16).expect("hexadecimal").to_string()
        );
    }

    #[test]
    fn an_event_with_an_id_is_new_once_and_its_digest_is_that_of_the_id() {
        let mut rows = RowSet::default();
        let mut insert = |id: &str, at: &str| rows.part_of(row(at)).1.insert(EventId::of(id));
        assert!(insert("a", "1") && insert("b", "1") && !insert("a", "2"));
        assert_eq!((rows.len(), rows.is_empty()), (2, false));
        let first = |text: &str| u64::from_str_radix(&sha(text)[..15], 16).expect("hexadecimal");
        assert_eq!(rows.digest(), (first("a") + first("b")).to_string());
    }

    fn sha(text: &str) -> String {
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

//! The set of rows of a fetch that were counted.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

use crate::model::record::Row;

/// A bit set of rows: 64 adjacent rows take about 24 bytes. Events with their own id are
/// identified by that id alone.
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

/// The part of a set with the rows of one word.
pub(super) struct WordRows<'a>(&'a mut u64);

impl RowSet {
    /// Adds a row; returns false if it was there.
    pub fn insert(&mut self, row: Row) -> bool {
        self.word_and_ids(row).0.insert(row)
    }

    /// Adds `rows` rows of a page from this one on; returns how many were new.
    pub(super) fn insert_range(&mut self, first: Row, rows: u32) -> u64 {
        let rows = (0..rows).map_while(|offset| first.index.checked_add(offset));
        rows.filter(|index| self.insert(Row { page: first.page, index: *index })).count() as u64
    }

    /// The part of the set for this row, and the ids. Adjacent rows can be added without another
    /// lookup.
    pub(super) fn word_and_ids(&mut self, row: Row) -> (WordRows<'_>, &mut Ids) {
        (WordRows(self.words.entry(word_key(row)).or_default()), &mut self.ids)
    }

    /// Number of rows.
    pub fn len(&self) -> u64 {
        let rows: u64 = self.words.values().map(|bits| u64::from(bits.count_ones())).sum();
        rows + self.ids.0.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is not empty and all of it are ids.
    pub(super) fn has_only_ids(&self) -> bool {
        !self.ids.0.is_empty() && self.words.values().all(|bits| *bits == 0)
    }

    /// Identifies this set, whatever the order of its rows: the sum over its rows of the first 60
    /// bits of the SHA-256 of their text, or of the id of the event (docs/streams.md). Any engine
    /// can compute it.
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
    /// Adds an id; returns false if it was there.
    pub(super) fn insert(&mut self, id: EventId) -> bool {
        self.0.insert(id)
    }
}

impl EventId {
    /// The id with this text.
    pub(super) fn of(text: &str) -> EventId {
        let hash = Sha256::digest(text.as_bytes());
        let (first, _) = hash.split_first_chunk::<16>().expect("a SHA-256 has 32 bytes");
        EventId(u128::from_be_bytes(*first))
    }
}

/// The key of the word of a row; adjacent rows share it.
pub(super) fn word_key(row: Row) -> (u32, u32) {
    (row.page, row.index / 64)
}

impl WordRows<'_> {
    /// Adds a row of this word; returns false if it was there.
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
    fn inserts_a_row_once() {
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
        assert_eq!((rows.insert_range(row("1:62"), 130), rows.len()), (128, 133));
        assert_eq!(rows.insert_range(row("4294967295:4294967294"), 9), 1);
    }

    #[test]
    fn digest_ignores_the_order_of_rows() {
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
    fn inserts_an_event_id_once_and_digests_the_id() {
        let mut rows = RowSet::default();
        let mut insert = |id: &str, at: &str| rows.word_and_ids(row(at)).1.insert(EventId::of(id));
        assert!(insert("a", "1") && insert("b", "1") && !insert("a", "2"));
        assert_eq!((rows.len(), rows.is_empty()), (2, false));
        let first = |text: &str| u64::from_str_radix(&sha(text)[..15], 16).expect("hexadecimal");
        assert_eq!(rows.digest(), (first("a") + first("b")).to_string());
    }

    fn sha(text: &str) -> String {
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

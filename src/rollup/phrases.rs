//! What lines say again and again, known by how it is spelled.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;

/// Neighbouring fields, and what they say.
#[derive(Debug)]
pub(super) struct Phrase {
    /// From the first value to the last.
    spelling: Box<str>,
    /// The number of the first field: what follows its key says something else behind another one.
    first: usize,
    /// Which fields they are, a bit each.
    pub(super) fields: u64,
    /// The number of the last one.
    pub(super) last: usize,
    /// The number of what they say.
    pub(super) says: u32,
}

/// Phrases, found by their beginning.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    known: HashMap<Beginning, Alike, RandomState>,
    count: usize,
}

/// Phrases that begin alike: mostly one, which is not kept elsewhere.
#[derive(Debug)]
struct Alike {
    first: Phrase,
    others: Vec<Phrase>,
}

type Beginning = (u64, u64, u64);

/// How long a beginning is, in bytes: it tells nearly all phrases apart. What comes behind a phrase that is shorter is a part of it
/// then, and the phrase is learned again for each of its sequels.
const BEGINNING: usize = size_of::<Beginning>();

/// How many phrases are learned: what lines say is without bound, and what is said again is not so much.
const MOST: usize = 1 << 12;

/// How many of them may begin alike: they are looked at one after the other.
const MOST_ALIKE: usize = 16;

/// How long a phrase is at most that is learned, in bytes.
const LONGEST: usize = 1 << 10;

impl Phrase {
    /// A phrase of fields, a bit each, from the first to the last one; `None` when it is too long to be kept.
    pub(super) fn new(
        spelling: &str,
        fields: u64,
        (first, last): (usize, usize),
        says: u32,
    ) -> Option<Phrase> {
        (spelling.len() <= LONGEST).then(|| Phrase { spelling: spelling.into(), first, fields, last, says })
    }

    /// Whether it comes next in these bytes, which follow the key of this field.
    #[inline]
    pub(super) fn is_next(&self, field: usize, bytes: &[u8]) -> bool {
        self.first == field && bytes.starts_with(self.spelling.as_bytes())
    }

    /// How long it is, in bytes.
    pub(super) fn len(&self) -> usize {
        self.spelling.len()
    }
}

impl Phrases {
    /// The phrase that comes next in these bytes, which follow the key of this field, if it is known.
    #[inline]
    pub(super) fn next(&self, field: usize, bytes: &[u8]) -> Option<&Phrase> {
        let Alike { first, others } = self.known.get(&beginning(bytes)?)?;
        match first.is_next(field, bytes) {
            true => Some(first),
            false => others.iter().find(|phrase| phrase.is_next(field, bytes)),
        }
    }

    /// Learns a phrase that these bytes begin with.
    pub(super) fn learn(&mut self, phrase: Phrase, bytes: &[u8]) {
        if let Some(beginning) = beginning(bytes)
            && self.count < MOST
        {
            match self.known.entry(beginning) {
                Entry::Vacant(entry) => drop(entry.insert(Alike { first: phrase, others: Vec::new() })),
                Entry::Occupied(alike) if alike.get().others.len() + 1 >= MOST_ALIKE => return,
                Entry::Occupied(mut alike) => alike.get_mut().others.push(phrase),
            }
            self.count += 1;
        }
    }
}

#[inline]
fn beginning(bytes: &[u8]) -> Option<Beginning> {
    let beginning: &[u8; BEGINNING] = bytes.first_chunk()?;
    let (words, _) = beginning.as_chunks();
    let word = |place: usize| u64::from_le_bytes(words[place]);
    Some((word(0), word(1), word(2)))
}

//! What lines say again and again, known by how it is spelled.

/// Neighbouring fields, and what they say.
#[derive(Clone, Debug)]
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
#[derive(Debug)]
pub(super) struct Phrases {
    /// By the place that their beginning has.
    known: Box<[Alike]>,
    count: usize,
}

/// Phrases whose beginnings have the same place: mostly one, which is not kept elsewhere.
#[derive(Clone, Debug, Default)]
struct Alike {
    first: Option<Phrase>,
    others: Vec<Phrase>,
}

/// How long a beginning is, in bytes: it tells nearly all phrases apart. What comes behind a phrase that is shorter is a part of it
/// then, and the phrase is learned again for each of its sequels.
const BEGINNING: usize = 24;

/// How many places there are.
const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 10;

/// How many phrases are learned: what lines say is without bound, and what is said again is not so much.
const MOST: usize = 1 << 12;

/// How many of them may have the same place: they are looked at one after the other.
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

    /// From the first value to the last.
    pub(super) fn spelling(&self) -> &str {
        &self.spelling
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
        let Alike { first, others } = &self.known[place_of(bytes)?];
        match first {
            Some(first) if first.is_next(field, bytes) => Some(first),
            _ => others.iter().find(|phrase| phrase.is_next(field, bytes)),
        }
    }

    /// Learns a phrase that these bytes begin with.
    pub(super) fn learn(&mut self, phrase: Phrase, bytes: &[u8]) {
        let Some(place) = place_of(bytes).filter(|_| self.count < MOST) else { return };
        match &mut self.known[place] {
            Alike { first: first @ None, .. } => *first = Some(phrase),
            Alike { others, .. } if others.len() + 1 >= MOST_ALIKE => return,
            Alike { others, .. } => others.push(phrase),
        }
        self.count += 1;
    }
}

impl Default for Phrases {
    fn default() -> Phrases {
        Phrases { known: vec![Alike::default(); PLACES].into(), count: 0 }
    }
}

/// The place of what begins like these bytes. Who wants to can make beginnings that share one: then few of them are known.
#[inline]
fn place_of(bytes: &[u8]) -> Option<usize> {
    let beginning: &[u8; BEGINNING] = bytes.first_chunk()?;
    let (words, _) = beginning.as_chunks();
    let sum = words.iter().fold(0, |sum: u64, word| {
        (sum.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    Some((sum >> (u64::BITS - PLACE_BITS)) as usize)
}

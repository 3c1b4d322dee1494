//! A cache of runs of adjacent fields that recur in many lines, keyed by their bytes.

/// Adjacent fields and the id of what they contain.
#[derive(Clone, Debug)]
pub(super) struct CachedFields {
    /// The bytes from the first value to the last.
    text: Box<str>,
    /// The index of the first field: the same bytes after another key mean something else.
    first: usize,
    /// Bit mask of the fields.
    pub(super) fields: u64,
    /// The index of the last field.
    pub(super) last: usize,
    /// The id of their content.
    pub(super) id: u32,
}

/// Cached fields by a hash of their first bytes.
#[derive(Debug)]
pub(super) struct FieldCache {
    buckets: Box<[Bucket]>,
    count: usize,
}

/// Entries with the same hash: usually one, which is stored inline.
#[derive(Clone, Debug, Default)]
struct Bucket {
    first: Option<CachedFields>,
    others: Vec<CachedFields>,
}

/// Length of the hashed prefix, in bytes; it distinguishes nearly all entries. For an entry that is
/// shorter, the prefix includes what follows, and the entry is cached once per continuation.
const HASHED_LEN: usize = 24;

/// Number of buckets.
const BUCKETS: usize = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 10;

/// Maximum number of entries. The content of lines is unbounded; the content that recurs is not.
const MAX_ENTRIES: usize = 1 << 12;

/// Maximum number of entries per bucket, which are compared one by one.
const MAX_BUCKET_LEN: usize = 16;

/// Maximum length of an entry, in bytes.
const MAX_LEN: usize = 1 << 10;

impl CachedFields {
    /// An entry for the fields of this bit mask, from the first to the last one; `None` if it is
    /// too long to cache.
    pub(super) fn new(text: &str, fields: u64, first: usize, last: usize, id: u32) -> Option<CachedFields> {
        (text.len() <= MAX_LEN).then(|| CachedFields { text: text.into(), first, fields, last, id })
    }

    /// Whether these bytes, which follow the key of this field, start with the entry.
    #[inline]
    pub(super) fn matches(&self, field: usize, bytes: &[u8]) -> bool {
        self.first == field && bytes.starts_with(self.text.as_bytes())
    }

    /// The bytes from the first value to the last.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

impl FieldCache {
    /// The entry that these bytes, which follow the key of this field, start with.
    #[inline]
    pub(super) fn get(&self, field: usize, bytes: &[u8]) -> Option<&CachedFields> {
        let Bucket { first, others } = &self.buckets[bucket_of(bytes)?];
        match first {
            Some(first) if first.matches(field, bytes) => Some(first),
            _ => others.iter().find(|entry| entry.matches(field, bytes)),
        }
    }

    /// Adds an entry that these bytes start with.
    pub(super) fn insert(&mut self, entry: CachedFields, bytes: &[u8]) {
        let Some(bucket) = bucket_of(bytes).filter(|_| self.count < MAX_ENTRIES) else { return };
        match &mut self.buckets[bucket] {
            Bucket { first: first @ None, .. } => *first = Some(entry),
            Bucket { others, .. } if others.len() + 1 >= MAX_BUCKET_LEN => return,
            Bucket { others, .. } => others.push(entry),
        }
        self.count += 1;
    }
}

impl Default for FieldCache {
    fn default() -> FieldCache {
        FieldCache { buckets: vec![Bucket::default(); BUCKETS].into(), count: 0 }
    }
}

/// The hash bucket for this prefix. Adversarial collisions only lower the hit rate.
#[inline]
fn bucket_of(bytes: &[u8]) -> Option<usize> {
    let prefix: &[u8; HASHED_LEN] = bytes.first_chunk()?;
    let (words, _) = prefix.as_chunks();
    let sum = words.iter().fold(0, |sum: u64, word| {
        (sum.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    Some((sum >> (u64::BITS - BUCKET_BITS)) as usize)
}

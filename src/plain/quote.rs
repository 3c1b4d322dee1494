//! Where a text ends.

use memchr::memchr;

/// The place of the first quote.
///
/// Most texts are shorter than what it costs to set a vector search up: the first bytes are looked at eight at a time.
#[inline]
pub(super) fn quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST_BITS: u64 = ONES << 7;
    const QUOTES: u64 = ONES * b'"' as u64;
    let mut at = 0;
    while at < 32
        && let Some(word) = bytes[at..].first_chunk()
    {
        let differs = u64::from_le_bytes(*word) ^ QUOTES;
        // The lowest byte that is zero is found for certain; those above it may only seem to be.
        let zeros = differs.wrapping_sub(ONES) & !differs & HIGHEST_BITS;
        if zeros != 0 {
            return Some(at + zeros.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr(b'"', &bytes[at..]).map(|found| at + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_quote_is_found_wherever_it_is_and_whatever_comes_before_and_after() {
        for length in 0..80 {
            for (before, after) in
                [(b'a', b'a'), (b'#', b'!'), (b'\xff', b'"'), (b'!', b'#'), (b'\0', b'\xa2')]
            {
                let mut bytes = vec![before; length];
                assert_eq!(quote(&bytes), None);
                bytes.push(b'"');
                bytes.extend([after; 20]);
                assert_eq!(quote(&bytes), Some(length), "{before} {after}");
            }
        }
    }
}

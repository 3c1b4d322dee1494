//! Quotes in texts: where one ends, and whether one needs escapes.

use memchr::memchr;

/// The place of the first quote.
///
/// Most texts are shorter than what it costs to set a vector search up: the first bytes are looked at eight at a time.
#[inline]
pub(super) fn quote(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < 32
        && let Some(word) = bytes[at..].first_chunk()
    {
        let zeros = below(u64::from_le_bytes(*word) ^ all(b'"'), 1);
        if zeros != 0 {
            return Some(at + zeros.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr(b'"', &bytes[at..]).map(|found| at + found)
}

/// Whether a text can stand between quotes as it is: no quote, no backslash, no control character.
pub(super) fn has_no_sign(bytes: &[u8]) -> bool {
    let is_sign = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let (words, rest) = bytes.as_chunks::<8>();
    let signs = words.iter().fold(0, |signs, word| {
        let word = u64::from_le_bytes(*word);
        signs | below(word, 0x20) | below(word ^ all(b'"'), 1) | below(word ^ all(b'\\'), 1)
    });
    signs == 0 && !rest.iter().any(|byte| is_sign(*byte))
}

/// This byte eight times.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Marks the bytes below this one, which is at most 128, at their highest bits. The lowest is found for certain; those
/// above it may only seem to be.
const fn below(word: u64, byte: u8) -> u64 {
    word.wrapping_sub(all(byte)) & !word & all(0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_found_wherever_it_is() {
        for length in 0..30 {
            for fill in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                let mut bytes = vec![fill; length];
                assert!(has_no_sign(&bytes), "{fill} {length}");
                for at in 0..length {
                    for sign in [0, 0x1f, b'"', b'\\'] {
                        bytes[at] = sign;
                        assert!(!has_no_sign(&bytes), "{fill} {length} {at} {sign}");
                        bytes[at] = fill;
                    }
                }
            }
        }
    }

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

//! Signs in texts: what ends one, and what cannot stand in one as it is.

use wide::{u8x16, u8x32};

/// How much is looked at together: nearly every text ends in its first block.
const BLOCK: usize = 32;

/// The place of the first quote, backslash or control character from this place on: where a text ends, or is not plain.
#[inline]
pub(super) fn special_byte(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(block) = bytes.get(at..)?.first_chunk() {
        let signs = special_bits(*block);
        if signs != 0 {
            return Some(at + signs.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
    // The rest is the end of a block that begins before it.
    let Some(block) = bytes.last_chunk() else {
        return Some(at + bytes[at..].iter().position(|byte| is_special(*byte))?);
    };
    let rest = u64::from(special_bits(*block)) >> (BLOCK - (bytes.len() - at));
    (rest != 0).then(|| at + rest.trailing_zeros() as usize)
}

/// Whether there is a quote, a backslash or a control character: such a text cannot stand between quotes as it is.
#[inline]
pub(crate) fn has_special_byte(bytes: &[u8]) -> bool {
    // The last block overlaps the one before: that is less than to look at single bytes.
    match (bytes.last_chunk(), bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(last), ..) => {
            let (blocks, _) = bytes.as_chunks::<16>();
            let in_blocks = blocks.iter().fold(u8x16::ZERO, |signs, block| signs | special_bytes_of(*block));
            (in_blocks | special_bytes_of(*last)).to_bitmask() != 0
        }
        (None, Some(first), Some(last)) => {
            let mut block = [0; 16];
            block[..8].copy_from_slice(first);
            block[8..].copy_from_slice(last);
            special_bytes_of(block).to_bitmask() != 0
        }
        _ => bytes.iter().any(|byte| is_special(*byte)),
    }
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Marks the signs among these bytes.
#[inline]
fn special_bytes_of(block: [u8; 16]) -> u8x16 {
    let block = u8x16::new(block);
    let controls = block.min(u8x16::splat(0x1f)).simd_eq(block);
    controls | block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\'))
}

/// Which of these bytes are signs, a bit each.
#[inline]
fn special_bits(block: [u8; BLOCK]) -> u32 {
    let block = u8x32::new(block);
    let controls = block.min(u8x32::splat(0x1f)).simd_eq(block);
    let quotes = block.simd_eq(u8x32::splat(b'"'));
    (controls | quotes | block.simd_eq(u8x32::splat(b'\\'))).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sign_is_found_wherever_it_is_and_whatever_comes_before_and_after() {
        for length in 0..80 {
            for fill in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0x9f, 0xa2, 0xdc, 0xff] {
                let mut bytes = vec![fill; length];
                assert_eq!(
                    (special_byte(&bytes, 0), has_special_byte(&bytes)),
                    (None, false),
                    "{fill} {length}"
                );
                for at in 0..length {
                    for found in [0, 0x1f, b'"', b'\\'] {
                        bytes[at] = found;
                        assert_eq!(
                            (special_byte(&bytes, 0), has_special_byte(&bytes)),
                            (Some(at), true),
                            "{fill} {length} {found}"
                        );
                        let behind = bytes.split_off(at + 1);
                        bytes.extend(vec![b'"'; behind.len()]);
                        assert_eq!(special_byte(&bytes, at / 2), Some(at), "{fill} {length} {found}");
                        bytes[at..].fill(fill);
                    }
                }
            }
        }
    }
}

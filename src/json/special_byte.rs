//! Special bytes in JSON strings: those that end a string or must be escaped in one.

use wide::{u8x16, u8x32};

/// Bytes that are searched at a time: nearly every string ends in its first block.
const BLOCK: usize = 32;

/// The position of the first quote, backslash or control character at or after `from`: there the
/// string ends or is not in canonical form.
#[inline]
pub(super) fn special_byte(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(block) = bytes.get(at..)?.first_chunk() {
        let special = special_bits(*block);
        if special != 0 {
            return Some(at + special.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
    // The rest is shorter than a block: search the last block of `bytes`, which includes it.
    let Some(block) = bytes.last_chunk() else {
        return Some(at + bytes[at..].iter().position(|byte| is_special(*byte))?);
    };
    let rest = u64::from(special_bits(*block)) >> (BLOCK - (bytes.len() - at));
    (rest != 0).then(|| at + rest.trailing_zeros() as usize)
}

/// Whether there is a quote, a backslash or a control character, so that the text needs escapes in
/// a JSON string.
#[inline]
pub(crate) fn has_special_byte(bytes: &[u8]) -> bool {
    // The last block overlaps the one before it, which is faster than testing single bytes.
    match (bytes.last_chunk(), bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(last), ..) => {
            let (blocks, _) = bytes.as_chunks::<16>();
            let in_blocks =
                blocks.iter().fold(u8x16::ZERO, |special, block| special | special_bytes_of(*block));
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

/// A mask of the special bytes in a block: 0xff for each of them.
#[inline]
fn special_bytes_of(block: [u8; 16]) -> u8x16 {
    let block = u8x16::new(block);
    let controls = block.min(u8x16::splat(0x1f)).simd_eq(block);
    controls | block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\'))
}

/// A bit mask of the special bytes in a block; the lowest bit is the first byte.
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
    fn finds_the_first_special_byte_at_every_position() {
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

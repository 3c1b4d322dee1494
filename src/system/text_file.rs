//! Text files that people write by hand, in the encodings that their editors save.

use std::fs;
use std::path::Path;

use crate::base::error::{Error, shown};

/// Why bytes are not text. The `Display` form follows the name of the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotText {
    /// UTF-16 that cannot be decoded, or that has no byte-order mark to decode it by.
    #[error(" is UTF-16, not UTF-8; save it as UTF-8")]
    Utf16,
    /// Bytes on this line, counted from 1, that are not UTF-8.
    #[error(":{0} is not UTF-8; save the file as UTF-8")]
    Line(usize),
}

/// Reads a whole file as text. A byte-order mark is skipped, and UTF-16 that has one is decoded: PowerShell 5.1 and
/// Notepad save both.
pub fn read(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(Error::file("read", path))?;
    decode(&bytes).map_err(|why| Error::Configuration(format!("{}{why}", shown(path))))
}

/// Decodes UTF-8, or UTF-16 with a byte-order mark. The mark is not part of the text.
pub fn decode(bytes: &[u8]) -> Result<String, NotText> {
    match bytes {
        [0xff, 0xfe, units @ ..] => utf16(units, u16::from_le_bytes),
        [0xfe, 0xff, units @ ..] => utf16(units, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, text @ ..] | text => match std::str::from_utf8(text) {
            // Text has no NUL; UTF-16 has one beside every ASCII character.
            _ if text.contains(&0) => Err(NotText::Utf16),
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                let breaks = memchr::memchr_iter(b'\n', &text[..error.valid_up_to()]).count();
                Err(NotText::Line(breaks + 1))
            }
        },
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NotText> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return Err(NotText::Utf16) };
    char::decode_utf16(pairs.iter().copied().map(unit)).collect::<Result<_, _>>().map_err(|_| NotText::Utf16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_an_editor_is_no_part_of_the_text() {
        let text = "A=é\nB=😀\n";
        let units = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect()
        };
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            units(u16::to_le_bytes),
            units(u16::to_be_bytes),
        ] {
            assert_eq!(decode(&bytes).as_deref(), Ok(text));
        }
        assert_eq!(decode(b"").as_deref(), Ok(""));
    }

    #[test]
    fn what_is_not_text_is_named_with_its_line_or_encoding() {
        assert_eq!(decode(b"a\nb\nSchl\xfcssel\n"), Err(NotText::Line(3)));
        assert_eq!(decode(b"\xfc"), Err(NotText::Line(1)));
        assert_eq!(decode(b"\xff\xfea\0b"), Err(NotText::Utf16), "half a unit at the end");
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), Err(NotText::Utf16), "half a surrogate pair");
        assert_eq!(decode(b"A\0=\0b\0"), Err(NotText::Utf16), "no mark");
    }
}

//! Reads text files that people edit, in the encodings that editors use.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::base::error::{Error, display_path};

/// Why bytes are not text. The `Display` text is appended to the path.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotText {
    /// Invalid UTF-16, or UTF-16 without a byte-order mark.
    #[error(" is UTF-16, not UTF-8; save it as UTF-8")]
    Utf16,
    /// Invalid UTF-8 on this line, from 1.
    #[error(":{0} is not UTF-8; save the file as UTF-8")]
    Line(usize),
}

/// The maximum size of a file that people edit, in bytes. The largest ones known, tables of prices,
/// have about 2 MB.
const MAX_FILE_BYTES: u64 = 32 << 20;

/// Reads a file, if it is not larger than files that people edit.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::file("read", path))?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(Error::file("read", path))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::Configuration(format!(
            "{} is larger than 32 MiB; check that it is the right file",
            display_path(path)
        )));
    }
    Ok(bytes)
}

/// Reads a file as text. A byte-order mark is skipped, and UTF-16 with a byte-order mark is
/// decoded: PowerShell 5.1 and Notepad write both.
pub fn read(path: &Path) -> Result<String, Error> {
    let bytes = read_bytes(path)?;
    decode(&bytes).map_err(|why| Error::Configuration(format!("{}{why}", display_path(path))))
}

/// Decodes UTF-8, or UTF-16 with a byte-order mark. The byte-order mark is not part of the text.
pub fn decode(bytes: &[u8]) -> Result<String, NotText> {
    match bytes {
        [0xff, 0xfe, units @ ..] => utf16(units, u16::from_le_bytes),
        [0xfe, 0xff, units @ ..] => utf16(units, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, text @ ..] | text => match std::str::from_utf8(text) {
            // Text contains no NUL; UTF-16 has one next to every ASCII character.
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
    fn skips_the_byte_order_mark() {
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
    fn rejects_files_that_are_too_large() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("prices.json");
        // A sparse file; a device has no size at all.
        File::create(&path).and_then(|file| file.set_len(MAX_FILE_BYTES + 1)).expect("a file");
        for path in [path.as_path(), Path::new("/dev/zero")] {
            let error = read_bytes(path).expect_err("it is too large");
            assert!(error.code() == 78 && error.to_string().contains("larger than 32 MiB"), "{error}");
        }
    }

    #[test]
    fn errors_contain_the_line_or_the_encoding() {
        assert_eq!(decode(b"a\nb\nSchl\xfcssel\n"), Err(NotText::Line(3)));
        assert_eq!(decode(b"\xfc"), Err(NotText::Line(1)));
        assert_eq!(decode(b"\xff\xfea\0b"), Err(NotText::Utf16), "an incomplete code unit at the end");
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), Err(NotText::Utf16), "an unpaired surrogate");
        assert_eq!(decode(b"A\0=\0b\0"), Err(NotText::Utf16), "no byte-order mark");
    }
}

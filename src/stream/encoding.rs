//! Detects the encoding of an input stream: UTF-8 is passed through, UTF-16 is decoded, and binary
//! formats are rejected by name.
//!
//! PowerShell 5.1 writes UTF-16 with a byte-order mark when output is redirected with `>`
//! (about_Redirection, section "Redirecting the output"). The first bytes decide
//! for the whole stream.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;

use memchr::memchr;

use crate::base::error::Error;

/// A reader that converts another reader's bytes to UTF-8.
pub struct Decoder<R> {
    input: R,
    source: InputSource,
    encoding: Encoding,
    /// Decoded bytes, and the number of them already returned.
    buffer: Vec<u8>,
    returned: usize,
}

/// The input, as error messages name it.
enum InputSource {
    StandardInput,
    File(PathBuf),
}

enum Encoding {
    /// Nothing has been read yet.
    Unknown,
    /// UTF-8, or an unknown encoding: invalid lines are rejected one by one.
    Utf8,
    Utf16(Utf16),
    /// UTF-8 with bare carriage returns as line breaks.
    CarriageReturns,
}

/// The state of decoding UTF-16.
struct Utf16 {
    is_big_endian: bool,
    /// The first byte of a code unit whose second byte has not been read yet.
    half: Option<u8>,
    /// A high surrogate whose low surrogate has not been read yet.
    high: Option<u16>,
}

/// A binary format.
struct BinaryFormat {
    /// The first bytes.
    magic: &'static [u8],
    name: &'static str,
    /// How to convert it to text.
    advice: &'static str,
}

/// Binary formats in which logs and tables are stored or sent.
const BINARY_FORMATS: &[BinaryFormat] = &[
    BinaryFormat { magic: b"\x1f\x8b", name: "gzip", advice: "pipe it through zcat" },
    BinaryFormat { magic: b"\x28\xb5\x2f\xfd", name: "zstd", advice: "pipe it through zstdcat" },
    BinaryFormat { magic: b"\xfd7zXZ\0", name: "xz", advice: "pipe it through xzcat" },
    BinaryFormat { magic: b"BZh", name: "bzip2", advice: "pipe it through bzcat" },
    BinaryFormat { magic: b"\x04\x22\x4d\x18", name: "LZ4", advice: "pipe it through lz4cat" },
    BinaryFormat {
        magic: b"\xff\x06\0\0sNaPpY",
        name: "Snappy",
        advice: "decompress it, for example with snzip -dc",
    },
    BinaryFormat {
        magic: b"PK\x03\x04",
        name: "a ZIP archive or a spreadsheet",
        advice: "unpack it with unzip -p, or save the sheet as CSV in UTF-8",
    },
    BinaryFormat { magic: b"PAR1", name: "Parquet", advice: "export JSON lines or CSV instead" },
    BinaryFormat {
        magic: b"Obj\x01",
        name: "Avro",
        advice: "convert it to JSON lines, for example with avro-tools tojson",
    },
    BinaryFormat {
        magic: b"SQLite format 3\0",
        name: "an SQLite database",
        advice: "export its rows as CSV",
    },
    BinaryFormat { magic: b"%PDF-", name: "a PDF document", advice: "export JSON lines or CSV instead" },
    BinaryFormat {
        magic: b"\xff\xfe\0\0",
        name: "UTF-32",
        advice: "convert it with iconv -f UTF-32 -t UTF-8",
    },
    BinaryFormat {
        magic: b"\0\0\xfe\xff",
        name: "UTF-32",
        advice: "convert it with iconv -f UTF-32 -t UTF-8",
    },
];

/// The magic bytes of a tar archive, and their offset (POSIX.1-1988, ustar).
const TAR_MAGIC: &[u8] = b"ustar";
const TAR_MAGIC_OFFSET: usize = 257;

/// The first characters of HTML and XML documents, in lower case.
const MARKUP_PREFIXES: [&[u8]; 3] = [b"<!doctype html", b"<html", b"<?xml"];

/// Bytes that are read at most to detect the encoding.
const MAX_HEAD_BYTES: usize = 1 << 16;

/// Bytes of UTF-16 per read.
const READ_BYTES: usize = 1 << 16;

impl<R: Read> Decoder<R> {
    /// Decodes standard input.
    pub fn stdin(input: R) -> Decoder<R> {
        Decoder::new(input, InputSource::StandardInput)
    }

    /// Decodes a file. The path is for error messages.
    pub fn file(input: R, path: impl Into<PathBuf>) -> Decoder<R> {
        Decoder::new(input, InputSource::File(path.into()))
    }

    fn new(input: R, source: InputSource) -> Decoder<R> {
        Decoder { input, source, encoding: Encoding::Unknown, buffer: Vec::new(), returned: 0 }
    }

    /// Reads until the encoding is certain: in most streams, through the first line break.
    fn detect_encoding(&mut self) -> io::Result<()> {
        let mut head = vec![0; MAX_HEAD_BYTES];
        let mut length = 0;
        while length < head.len() && memchr(b'\n', head[..length].trim_ascii_start()).is_none() {
            match read(&mut self.input, &self.source, &mut head[length..])? {
                0 => break,
                count => length += count,
            }
        }
        head.truncate(length);
        let utf16 = |is_big_endian| Encoding::Utf16(Utf16 { is_big_endian, half: None, high: None });
        if let Some((name, advice)) = detect_binary(&head) {
            let text = format!("{} is {name}; {advice}", self.source);
            return Err(io::Error::other(Error::Input(text)));
        }
        self.encoding = match head.as_slice() {
            [0xff, 0xfe, ..] => utf16(false),
            [0xfe, 0xff, ..] => utf16(true),
            // Without a byte-order mark: no UTF-8 line has a NUL next to its first character.
            [first, 0, ..] if is_line_start(*first) => utf16(false),
            [0, first, ..] if is_line_start(*first) => utf16(true),
            head if has_bare_returns(head) => Encoding::CarriageReturns,
            _ => Encoding::Utf8,
        };
        self.decode_into_buffer(head);
        Ok(())
    }

    /// Decodes input bytes into the buffer, which has to be empty. At the end of the input,
    /// [`Utf16::finish`] adds the rest.
    fn decode_into_buffer(&mut self, mut bytes: Vec<u8>) {
        self.returned = 0;
        match &mut self.encoding {
            Encoding::Unknown | Encoding::Utf8 => self.buffer = bytes,
            Encoding::CarriageReturns => {
                to_line_feeds(&mut bytes);
                self.buffer = bytes;
            }
            Encoding::Utf16(state) => {
                self.buffer.clear();
                state.decode(&bytes, &mut self.buffer);
            }
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = &self.buffer[self.returned..];
            if !rest.is_empty() {
                let count = rest.len().min(output.len());
                output[..count].copy_from_slice(&rest[..count]);
                self.returned += count;
                return Ok(count);
            }
            match &mut self.encoding {
                Encoding::Unknown => self.detect_encoding()?,
                Encoding::Utf8 => return read(&mut self.input, &self.source, output),
                Encoding::CarriageReturns => {
                    let count = read(&mut self.input, &self.source, output)?;
                    to_line_feeds(&mut output[..count]);
                    return Ok(count);
                }
                Encoding::Utf16(state) => {
                    let mut bytes = vec![0; READ_BYTES];
                    let count = read(&mut self.input, &self.source, &mut bytes)?;
                    bytes.truncate(count);
                    if count == 0 {
                        self.buffer.clear();
                        self.returned = 0;
                        if !state.finish(&mut self.buffer) {
                            return Ok(0);
                        }
                    } else {
                        self.decode_into_buffer(bytes);
                    }
                }
            }
        }
    }
}

impl std::fmt::Display for InputSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InputSource::StandardInput => formatter.write_str("standard input"),
            InputSource::File(path) => path.display().fmt(formatter),
        }
    }
}

/// Reads once. Errors contain the path.
fn read(input: &mut impl Read, source: &InputSource, output: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(output) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                let text = format!("{source} is a directory; name its files");
                return Err(io::Error::other(Error::Configuration(text)));
            }
            Err(error) => {
                return Err(match source {
                    InputSource::StandardInput => error,
                    InputSource::File(path) => io::Error::other(Error::file("read", path)(error)),
                });
            }
            read => return read,
        }
    }
}

/// If a stream with these first bytes is not text: the name of the format, and how to convert it.
fn detect_binary(head: &[u8]) -> Option<(&'static str, &'static str)> {
    if let Some(format) = BINARY_FORMATS.iter().find(|format| head.starts_with(format.magic)) {
        return Some((format.name, format.advice));
    }
    if head.get(TAR_MAGIC_OFFSET..).is_some_and(|rest| rest.starts_with(TAR_MAGIC)) {
        return Some(("a tar archive", "unpack it with tar -xOf"));
    }
    let text = head.trim_ascii_start();
    let starts_with =
        |start: &&[u8]| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    MARKUP_PREFIXES.iter().any(starts_with).then_some((
        "an HTML or XML document",
        "it may be a login or error page; check how it was downloaded",
    ))
}

/// Whether a line of a stream or log can start with this byte.
fn is_line_start(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// Whether lines end with a bare carriage return: there is no line feed, and the first carriage
/// return follows the end of an object. Elsewhere in JSON, a carriage return is whitespace.
fn has_bare_returns(head: &[u8]) -> bool {
    let ends_object = |at: usize| at > 0 && head[at - 1] == b'}';
    memchr(b'\n', head).is_none() && memchr(b'\r', head).is_some_and(ends_object)
}

fn to_line_feeds(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
}

impl Utf16 {
    fn decode(&mut self, bytes: &[u8], text: &mut Vec<u8>) {
        for byte in bytes {
            let Some(first) = self.half.replace(*byte) else { continue };
            self.half = None;
            let pair = [first, *byte];
            let unit = if self.is_big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
            self.add(unit, text);
        }
    }

    /// Adds a code unit. An unpaired surrogate becomes U+FFFD.
    fn add(&mut self, unit: u16, text: &mut Vec<u8>) {
        let is_high = (0xd800..0xdc00).contains(&unit);
        let units = match self.high.take() {
            Some(high) if is_high => {
                self.high = Some(unit);
                [Some(high), None]
            }
            Some(high) => [Some(high), Some(unit)],
            None if is_high => {
                self.high = Some(unit);
                return;
            }
            None => [Some(unit), None],
        };
        for decoded in char::decode_utf16(units.into_iter().flatten()) {
            let character = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// Ends the text. Returns whether that added a character, which happens at most once.
    fn finish(&mut self, text: &mut Vec<u8>) -> bool {
        let is_truncated = self.half.take().is_some() | self.high.take().is_some();
        if is_truncated {
            text.extend_from_slice("\u{fffd}".as_bytes());
        }
        is_truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns at most this many bytes per read.
    struct SlowReader<'a>(&'a [u8], usize);

    impl Read for SlowReader<'_> {
        fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(output.len()).min(self.0.len());
            output[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn decoded(bytes: &[u8]) -> Result<String, Error> {
        let mut texts = [1, 2, 3, usize::MAX].map(|most| {
            let mut text = Vec::new();
            let read = Decoder::stdin(SlowReader(bytes, most)).read_to_end(&mut text);
            read.map(|_| text).map_err(Error::reading)
        });
        let outcome = |text: &Result<Vec<u8>, Error>| match text {
            Ok(text) => (text.clone(), String::new()),
            Err(error) => (Vec::new(), error.to_string()),
        };
        for text in &texts[..3] {
            assert_eq!(outcome(text), outcome(&texts[3]));
        }
        std::mem::replace(&mut texts[3], Ok(Vec::new())).map(|text| String::from_utf8(text).expect("UTF-8"))
    }

    fn utf16(text: &str, is_big_endian: bool) -> Vec<u8> {
        let bytes = |unit: u16| if is_big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn decodes_utf16_in_both_byte_orders_with_and_without_a_byte_order_mark() {
        let text = "{\"a\":\"é漢😀\"}\r\n{\"b\":1}\r\n";
        for is_big_endian in [false, true] {
            let marked = format!("\u{feff}{text}");
            assert_eq!(decoded(&utf16(&marked, is_big_endian)).expect("it is text"), marked);
            assert_eq!(decoded(&utf16(text, is_big_endian)).expect("it is text"), text);
        }
        // Longer than a read, so that characters are split between reads.
        let long = "😀é".repeat(READ_BYTES);
        assert_eq!(decoded(&utf16(&format!("\u{feff}{long}"), false)).expect("it is text")[3..], *long);
    }

    #[test]
    fn unpaired_surrogates_become_the_replacement_character() {
        let units = [0xfeff, 0x61, 0xd83d, 0x62, 0xde00, 0xd83d, 0xd83d, 0xde00, 0xd83d_u16];
        let mut bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert_eq!(decoded(&bytes).expect("text"), "\u{feff}a\u{fffd}b\u{fffd}\u{fffd}😀\u{fffd}");
        bytes.truncate(5);
        assert_eq!(decoded(&bytes).expect("text"), "\u{feff}a\u{fffd}");
    }

    #[test]
    fn utf8_is_unchanged_except_for_bare_carriage_returns() {
        for text in ["", "x", "{\"a\":1}\r\n{}\r\n", "\u{feff}{}\n", "{\"a\":\r1}", "\0\0\0\n{}\n", "a\rb\n"]
        {
            assert_eq!(decoded(text.as_bytes()).expect("it is text"), text);
        }
        assert_eq!(decoded(b"{\"a\":1}\r{\"b\":\r2}\r").expect("text"), "{\"a\":1}\n{\"b\":\n2}\n");
        let mut bytes = Vec::new();
        Decoder::stdin(&b"{}\n\xff\xfe\n"[..]).read_to_end(&mut bytes).expect("memory does not fail");
        assert_eq!(bytes, b"{}\n\xff\xfe\n");
    }

    #[test]
    fn binary_formats_are_rejected_with_the_next_step() {
        let tar = [vec![b'a'; 257], b"ustar\x0000".to_vec()].concat();
        for (bytes, name) in [
            (&b"\x1f\x8b\x08\0"[..], "gzip; pipe it through zcat"),
            (b"\x28\xb5\x2f\xfd\0", "zstd"),
            (b"PK\x03\x04", "ZIP"),
            (b"PAR1\x15", "Parquet"),
            (&tar, "a tar archive"),
            (b"\xff\xfe\0\0{\0\0\0", "UTF-32"),
            (b"\n <!DOCTYPE html><html>", "an HTML or XML document"),
        ] {
            let error = decoded(bytes).expect_err(name);
            assert!(matches!(error, Error::Input(_)), "{error}");
            let text = error.to_string();
            assert!(text.starts_with("standard input is ") && text.contains(name), "{text}");
        }
        assert!(decoded(b"<134>1 2026-10-01T09:00:00Z host app - - - {}\n").is_ok());
    }
}

//! The encoding of an input stream: UTF-8 passes untouched, UTF-16 is decoded, and what holds no lines of text is named
//! for what it is.
//!
//! PowerShell 5.1 writes UTF-16 with a byte-order mark when output is redirected with `>`
//! (about_Redirection, section "Redirecting the output"). The first bytes decide for the whole stream.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;

use memchr::memchr;

use crate::base::error::Error;

/// A reader that returns UTF-8 text of what another one returns.
pub struct Decoder<R> {
    input: R,
    origin: Origin,
    encoding: Encoding,
    /// Decoded bytes, and how many of them were returned.
    buffer: Vec<u8>,
    returned: usize,
}

/// Where the bytes come from, for error messages.
enum Origin {
    StandardInput,
    File(PathBuf),
}

enum Encoding {
    /// Nothing was read yet.
    Unknown,
    /// UTF-8, or what is treated as such: invalid lines are rejected one by one.
    Utf8,
    Utf16(Utf16),
    /// UTF-8 whose lines end with a carriage return alone.
    CarriageReturns,
}

/// The state of decoding UTF-16.
struct Utf16 {
    is_big_endian: bool,
    /// A byte whose other half was not read yet.
    half: Option<u8>,
    /// A high surrogate whose low surrogate was not read yet.
    high: Option<u16>,
}

/// A format that holds no lines of text.
struct Format {
    /// The bytes it starts with.
    magic: &'static [u8],
    name: &'static str,
    /// What turns it into text.
    advice: &'static str,
}

/// Formats in which logs and tables are stored or sent.
const FORMATS: &[Format] = &[
    Format { magic: b"\x1f\x8b", name: "gzip", advice: "pipe it through zcat" },
    Format { magic: b"\x28\xb5\x2f\xfd", name: "zstd", advice: "pipe it through zstdcat" },
    Format { magic: b"\xfd7zXZ\0", name: "xz", advice: "pipe it through xzcat" },
    Format { magic: b"BZh", name: "bzip2", advice: "pipe it through bzcat" },
    Format { magic: b"\x04\x22\x4d\x18", name: "LZ4", advice: "pipe it through lz4cat" },
    Format {
        magic: b"\xff\x06\0\0sNaPpY",
        name: "Snappy",
        advice: "decompress it, for example with snzip -dc",
    },
    Format {
        magic: b"PK\x03\x04",
        name: "a ZIP archive or a spreadsheet",
        advice: "unpack it with unzip -p, or save the sheet as CSV in UTF-8",
    },
    Format { magic: b"PAR1", name: "Parquet", advice: "export JSON lines or CSV instead" },
    Format {
        magic: b"Obj\x01",
        name: "Avro",
        advice: "convert it to JSON lines, for example with avro-tools tojson",
    },
    Format { magic: b"SQLite format 3\0", name: "an SQLite database", advice: "export its rows as CSV" },
    Format { magic: b"%PDF-", name: "a PDF document", advice: "export JSON lines or CSV instead" },
    Format { magic: b"\xff\xfe\0\0", name: "UTF-32", advice: "convert it with iconv -f UTF-32 -t UTF-8" },
    Format { magic: b"\0\0\xfe\xff", name: "UTF-32", advice: "convert it with iconv -f UTF-32 -t UTF-8" },
];

/// Where the name of the format of a tar archive is, and that name (POSIX.1-1988, ustar).
const TAR: (usize, &[u8]) = (257, b"ustar");

/// The starts of documents for browsers and of XML, in lower case.
const MARKUP: [&[u8]; 3] = [b"<!doctype html", b"<html", b"<?xml"];

/// The most that is read to decide on the encoding.
const MAX_HEAD: usize = 1 << 16;

/// How much of UTF-16 is read at once.
const PIECE: usize = 1 << 16;

impl<R: Read> Decoder<R> {
    /// Decodes standard input.
    pub fn stdin(input: R) -> Decoder<R> {
        Decoder::new(input, Origin::StandardInput)
    }

    /// Decodes a file at this path.
    pub fn file(input: R, path: impl Into<PathBuf>) -> Decoder<R> {
        Decoder::new(input, Origin::File(path.into()))
    }

    fn new(input: R, origin: Origin) -> Decoder<R> {
        Decoder { input, origin, encoding: Encoding::Unknown, buffer: Vec::new(), returned: 0 }
    }

    /// Reads until the encoding is certain: up to the first line break in most streams.
    fn decide(&mut self) -> io::Result<()> {
        let mut head = vec![0; MAX_HEAD];
        let mut length = 0;
        while length < head.len() && memchr(b'\n', head[..length].trim_ascii_start()).is_none() {
            match read(&mut self.input, &self.origin, &mut head[length..])? {
                0 => break,
                count => length += count,
            }
        }
        head.truncate(length);
        let utf16 = |is_big_endian| Encoding::Utf16(Utf16 { is_big_endian, half: None, high: None });
        if let Some((name, advice)) = no_text(&head) {
            let name = format!("{} is {name}", self.origin);
            return Err(io::Error::other(Error::Input(format!("{name}; {advice}"))));
        }
        self.encoding = match head.as_slice() {
            [0xff, 0xfe, ..] => utf16(false),
            [0xfe, 0xff, ..] => utf16(true),
            // Without a mark: no line of UTF-8 has a NUL beside its first character.
            [first, 0, ..] if is_start(*first) => utf16(false),
            [0, first, ..] if is_start(*first) => utf16(true),
            head if has_bare_returns(head) => Encoding::CarriageReturns,
            _ => Encoding::Utf8,
        };
        self.take(head);
        Ok(())
    }

    /// Decodes more bytes of the input into the empty buffer. None of them is the end of it.
    fn take(&mut self, mut bytes: Vec<u8>) {
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
                Encoding::Unknown => self.decide()?,
                Encoding::Utf8 => return read(&mut self.input, &self.origin, output),
                Encoding::CarriageReturns => {
                    let count = read(&mut self.input, &self.origin, output)?;
                    to_line_feeds(&mut output[..count]);
                    return Ok(count);
                }
                Encoding::Utf16(state) => {
                    let mut bytes = vec![0; PIECE];
                    let count = read(&mut self.input, &self.origin, &mut bytes)?;
                    bytes.truncate(count);
                    if count == 0 {
                        self.buffer.clear();
                        self.returned = 0;
                        if !state.finish(&mut self.buffer) {
                            return Ok(0);
                        }
                    } else {
                        self.take(bytes);
                    }
                }
            }
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::StandardInput => formatter.write_str("standard input"),
            Origin::File(path) => path.display().fmt(formatter),
        }
    }
}

/// Reads once; errors name the file, and a directory is named as such.
fn read(input: &mut impl Read, origin: &Origin, output: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(output) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                let what = format!("{origin} is a directory; name its files");
                return Err(io::Error::other(Error::Configuration(what)));
            }
            Err(error) => {
                return Err(match origin {
                    Origin::StandardInput => error,
                    Origin::File(path) => io::Error::other(Error::file("read", path)(error)),
                });
            }
            read => return read,
        }
    }
}

/// What a stream that starts like this is, and what to do about it, where it holds no lines of text.
fn no_text(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let is_of = |format: &&Format| head.starts_with(format.magic);
    if let Some(format) = FORMATS.iter().find(is_of) {
        return Some((format.name, format.advice));
    }
    if head.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) {
        return Some(("a tar archive", "unpack it with tar -xOf"));
    }
    let text = head.trim_ascii_start();
    let starts_with =
        |start: &&[u8]| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    MARKUP.iter().any(starts_with).then_some((
        "an HTML or XML document",
        "it may be a login or error page; check how it was downloaded",
    ))
}

/// Whether a line of a stream or log can start with this character.
fn is_start(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// Whether lines end with a carriage return alone: there is no line feed, and an object ends before a carriage return.
/// Within JSON a carriage return is a blank.
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

    /// Adds a unit; a surrogate without its other half becomes U+FFFD.
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

    /// Ends the text; true when that adds to it, which happens once at most.
    fn finish(&mut self, text: &mut Vec<u8>) -> bool {
        let is_cut = self.half.take().is_some() | self.high.take().is_some();
        if is_cut {
            text.extend_from_slice("\u{fffd}".as_bytes());
        }
        is_cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns so many bytes at a time.
    struct Dripping<'a>(&'a [u8], usize);

    impl Read for Dripping<'_> {
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
            let read = Decoder::stdin(Dripping(bytes, most)).read_to_end(&mut text);
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
    fn utf16_is_read_in_both_orders_with_and_without_a_mark() {
        let text = "{\"a\":\"é漢😀\"}\r\n{\"b\":1}\r\n";
        for is_big_endian in [false, true] {
            let marked = format!("\u{feff}{text}");
            assert_eq!(decoded(&utf16(&marked, is_big_endian)).expect("it is text"), marked);
            assert_eq!(decoded(&utf16(text, is_big_endian)).expect("it is text"), text);
        }
        // More than is read at once, so that characters lie across the cuts.
        let long = "😀é".repeat(PIECE);
        assert_eq!(decoded(&utf16(&format!("\u{feff}{long}"), false)).expect("it is text")[3..], *long);
    }

    #[test]
    fn halves_in_utf16_become_the_replacement_character() {
        let units = [0xfeff, 0x61, 0xd83d, 0x62, 0xde00, 0xd83d, 0xd83d, 0xde00, 0xd83d_u16];
        let mut bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert_eq!(decoded(&bytes).expect("text"), "\u{feff}a\u{fffd}b\u{fffd}\u{fffd}😀\u{fffd}");
        bytes.truncate(5);
        assert_eq!(decoded(&bytes).expect("text"), "\u{feff}a\u{fffd}");
    }

    #[test]
    fn other_text_passes_untouched_and_bare_carriage_returns_end_lines() {
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
    fn what_is_no_text_is_named_with_the_next_step() {
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
            let said = error.to_string();
            assert!(said.starts_with("standard input is ") && said.contains(name), "{said}");
        }
        assert!(decoded(b"<134>1 2026-10-01T09:00:00Z host app - - - {}\n").is_ok());
    }
}

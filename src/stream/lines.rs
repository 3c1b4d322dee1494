//! Lines in and lines out: JSON objects, one a line, read with a limit and written whole.

use std::io::{self, BufRead, Write};

use serde::Serialize;

use crate::base::error::Error;

/// The longest line that is read, in bytes. A page of 100 nodes has about 26 kB.
pub const LONGEST_LINE: usize = 64 << 20;

/// What some editors put before the first line. Where files were put together, it stands in front of others too.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One line of input.
#[derive(Debug)]
pub struct Line<'a> {
    /// The number of the line, from 1.
    pub number: u64,
    /// Where the line starts, in bytes from the start of the stream.
    pub offset: u64,
    /// The text, or why there is none.
    pub text: Result<&'a str, &'static str>,
    /// The bytes that were read, without the line break; cut where the line was too long.
    pub bytes: &'a [u8],
}

/// Reads a stream line by line into one buffer; empty lines are passed over.
pub struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
    offset: u64,
    longest: usize,
}

impl<R: BufRead> Lines<R> {
    /// Lines of this reader.
    pub fn new(reader: R) -> Lines<R> {
        Lines { reader, buffer: Vec::new(), number: 0, offset: 0, longest: LONGEST_LINE }
    }

    /// The next line; `None` at the end of the stream.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, Error> {
        loop {
            let (start, length, too_long) = (self.offset, self.fill()?, self.buffer.len() > self.longest);
            if length == 0 {
                return Ok(None);
            }
            self.offset += length;
            self.number += 1;
            // The borrow of the buffer must not outlive a line that is passed over.
            if content_of(&self.buffer).is_none() {
                continue;
            }
            return Ok(line_of(&self.buffer, None, self.number, start, too_long));
        }
    }

    /// Reads up to and over the next line break and returns how many bytes that took. Of a line that is too
    /// long, one byte more than allowed is kept: memory stays bounded whatever the input is.
    fn fill(&mut self) -> Result<u64, Error> {
        self.buffer.clear();
        let mut length = 0;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(Error::reading(source)),
            };
            if chunk.is_empty() {
                return Ok(length);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let content = &chunk[..end.unwrap_or(chunk.len())];
            let room = (self.longest + 1).saturating_sub(self.buffer.len());
            self.buffer.extend_from_slice(&content[..content.len().min(room)]);
            let taken = end.map_or(chunk.len(), |at| at + 1);
            self.reader.consume(taken);
            length += taken as u64;
            if end.is_some() {
                return Ok(length);
            }
        }
    }
}

/// The line that these bytes are, without its line break; `None` when it is empty. `text` is the same, where it is
/// known to be text.
pub fn line_of<'a>(
    bytes: &'a [u8],
    text: Option<&'a str>,
    number: u64,
    offset: u64,
    too_long: bool,
) -> Option<Line<'a>> {
    let (start, end) = content_of(bytes)?;
    let bytes = &bytes[start..end];
    let text = match text {
        _ if too_long => Err("longer than 64 MiB"),
        Some(text) => Ok(&text[start..end]),
        None => std::str::from_utf8(bytes).map_err(|_| "not UTF-8"),
    };
    Some(Line { number, offset, text, bytes })
}

/// Where the content of a line starts and ends, without byte-order marks before it and without the NUL bytes that a crash
/// or a truncated log leaves around it; `None` when nothing is left.
#[inline]
fn content_of(line: &[u8]) -> Option<(usize, usize)> {
    let (mut start, mut end) = (0, line.len());
    loop {
        match line[start..end].first()? {
            0 => start += line[start..end].iter().take_while(|byte| **byte == 0).count(),
            0xef if line[start..end].starts_with(BYTE_ORDER_MARK) => start += BYTE_ORDER_MARK.len(),
            _ => break,
        }
    }
    if line[end - 1] == 0 {
        end -= line[start..end].iter().rev().take_while(|byte| **byte == 0).count();
    }
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    (!line[start..end].iter().all(is_blank)).then_some((start, end))
}

/// Writes lines: each is built whole in memory first and then written at once, so that neither a fault while
/// building it nor a reader that goes away leaves half a line behind an error that nobody sees.
pub struct LineWriter<W> {
    writer: W,
    buffer: Vec<u8>,
}

impl<W: Write> LineWriter<W> {
    /// Writes to this writer, which should have a buffer of its own.
    pub fn new(writer: W) -> LineWriter<W> {
        LineWriter { writer, buffer: Vec::new() }
    }

    /// Writes one line.
    pub fn write<T: Serialize>(&mut self, line: &T) -> Result<(), Error> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line)
            .map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?;
        self.buffer.push(b'\n');
        self.writer.write_all(&self.buffer).map_err(Error::writing)
    }

    /// What it writes to, for whole lines that are made elsewhere.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Writes lines that were spelled before, each with its line break.
    pub fn write_text(&mut self, lines: &[u8]) -> Result<(), Error> {
        self.writer.write_all(lines).map_err(Error::writing)
    }

    /// The writer itself.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// Hands everything on to the reader.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush().map_err(Error::writing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], longest: usize) -> Vec<(u64, u64, Result<String, &'static str>)> {
        let mut lines = Lines { longest, ..Lines::new(io::BufReader::with_capacity(3, bytes)) };
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().expect("memory does not fail") {
            seen.push((line.number, line.offset, line.text.map(str::to_owned)));
        }
        seen
    }

    #[test]
    fn numbers_and_offsets_count_empty_lines_and_the_last_line_needs_no_break() {
        assert_eq!(read(b"\xef\xbb\xbf{}", 100), [(1, 0, Ok("{}".into()))]);
        let seen = read(b"one\n\n \r\ntwo", 100);
        assert_eq!(seen, [(1, 0, Ok("one".into())), (4, 8, Ok("two".into()))]);
    }

    #[test]
    fn marks_before_any_line_and_nul_bytes_around_it_are_no_part_of_it() {
        let input = b"\xef\xbb\xbf{}\n\xef\xbb\xbf{\"a\":1}\n\0\0\0\n\0\0{\"b\":2}\0\n\0 \xef\xbb\xbf\n\xef\xbb\xbf\n{\0}\n\0";
        let texts: Vec<_> = read(input, 100).into_iter().map(|(number, _, text)| (number, text)).collect();
        let line = |number, text: &str| (number, Ok(text.to_owned()));
        assert_eq!(
            texts,
            [
                line(1, "{}"),
                line(2, "{\"a\":1}"),
                line(4, "{\"b\":2}"),
                line(5, " \u{feff}"),
                line(7, "{\0}")
            ]
        );
    }

    #[test]
    fn a_line_that_is_too_long_or_not_text_is_told_and_the_rest_goes_on() {
        let seen = read(b"toolong\n\xff\xfe\nok\n", 5);
        assert_eq!(
            seen,
            [(1, 0, Err("longer than 64 MiB")), (2, 8, Err("not UTF-8")), (3, 11, Ok("ok".into()))]
        );
    }

    #[test]
    fn a_reader_that_goes_away_is_told_apart() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(matches!(LineWriter::new(Gone).write(&1), Err(Error::ReaderGone)));
    }
}

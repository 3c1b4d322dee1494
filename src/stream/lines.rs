//! Reading and writing of lines. Reading limits their length; writing never leaves a partial line.

use std::io::{self, BufRead, Write};

use serde::Serialize;

use crate::base::error::Error;

/// The maximum length of an input line, in bytes. A page of 100 nodes has about 26 kB.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// Some editors write it before the first line. In concatenated files, it also precedes other
/// lines.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One line of input.
#[derive(Debug)]
pub struct InputLine<'a> {
    /// The number of the line, from 1.
    pub number: u64,
    /// Bytes of the stream before the line.
    pub offset: u64,
    /// The text, or why the line is rejected.
    pub text: Result<&'a str, &'static str>,
    /// The bytes of the line, without the line break; truncated if the line is too long.
    pub bytes: &'a [u8],
}

/// Reads a stream line by line into one buffer. Empty lines are skipped.
pub struct LineReader<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
    offset: u64,
    max_bytes: usize,
}

impl<R: BufRead> LineReader<R> {
    /// Reads from this reader.
    pub fn new(reader: R) -> LineReader<R> {
        LineReader { reader, buffer: Vec::new(), number: 0, offset: 0, max_bytes: MAX_LINE_BYTES }
    }

    /// The next line; `None` at the end of the stream.
    pub fn next_line(&mut self) -> Result<Option<InputLine<'_>>, Error> {
        loop {
            let (start, length, is_too_long) =
                (self.offset, self.fill()?, self.buffer.len() > self.max_bytes);
            if length == 0 {
                return Ok(None);
            }
            self.offset += length;
            self.number += 1;
            // Checked separately: the result of `parse_line` would borrow the buffer across
            // iterations.
            if content_range(&self.buffer).is_none() {
                continue;
            }
            return Ok(parse_line(&self.buffer, None, self.number, start, is_too_long));
        }
    }

    /// Reads through the next line break and returns the number of bytes read. The buffer never
    /// contains more than one byte beyond the limit, so that memory stays bounded.
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
            let room = (self.max_bytes + 1).saturating_sub(self.buffer.len());
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

/// The line in these bytes, which have no line break; `None` if it is empty. `text` is the same
/// bytes if they are known to be valid UTF-8.
pub fn parse_line<'a>(
    bytes: &'a [u8],
    text: Option<&'a str>,
    number: u64,
    offset: u64,
    is_too_long: bool,
) -> Option<InputLine<'a>> {
    let (start, end) = content_range(bytes)?;
    let bytes = &bytes[start..end];
    let text = match text {
        _ if is_too_long => Err("longer than 64 MiB"),
        Some(text) => Ok(&text[start..end]),
        None => std::str::from_utf8(bytes).map_err(|_| "not UTF-8"),
    };
    Some(InputLine { number, offset, text, bytes })
}

/// The range of a line without leading byte-order marks, and without the NUL bytes that a crash or
/// a truncated log leaves around it; `None` if the rest is blank.
#[inline]
fn content_range(line: &[u8]) -> Option<(usize, usize)> {
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

/// Writes lines. Each line is serialized in memory and then written with one call, so that a
/// serialization error leaves no partial line, and a closed pipe is reported as
/// [`Error::BrokenPipe`].
pub struct LineWriter<W> {
    writer: W,
    buffer: Vec<u8>,
}

impl<W: Write> LineWriter<W> {
    /// Writes to this writer, which should be buffered.
    pub fn new(writer: W) -> LineWriter<W> {
        LineWriter { writer, buffer: Vec::new() }
    }

    /// Writes one line.
    pub fn write<T: Serialize>(&mut self, line: &T) -> Result<(), Error> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line)
            .map_err(|error| Error::Bug(format!("cannot serialize a line: {error}")))?;
        self.buffer.push(b'\n');
        self.writer.write_all(&self.buffer).map_err(Error::writing)
    }

    /// The writer, for complete lines that are serialized elsewhere.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Writes bytes that were serialized elsewhere, including line breaks.
    pub fn write_serialized(&mut self, lines: &[u8]) -> Result<(), Error> {
        self.writer.write_all(lines).map_err(Error::writing)
    }

    /// Returns the writer.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// Flushes the writer.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush().map_err(Error::writing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], max_bytes: usize) -> Vec<(u64, u64, Result<String, &'static str>)> {
        let mut lines = LineReader { max_bytes, ..LineReader::new(io::BufReader::with_capacity(3, bytes)) };
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().expect("memory does not fail") {
            seen.push((line.number, line.offset, line.text.map(str::to_owned)));
        }
        seen
    }

    #[test]
    fn numbers_and_offsets_include_empty_lines() {
        assert_eq!(read(b"\xef\xbb\xbf{}", 100), [(1, 0, Ok("{}".into()))]);
        let seen = read(b"one\n\n \r\ntwo", 100);
        assert_eq!(seen, [(1, 0, Ok("one".into())), (4, 8, Ok("two".into()))]);
    }

    #[test]
    fn removes_byte_order_marks_and_nul_bytes_around_lines() {
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
    fn rejects_lines_that_are_too_long_or_not_utf_8_and_continues() {
        let seen = read(b"toolong\n\xff\xfe\nok\n", 5);
        assert_eq!(
            seen,
            [(1, 0, Err("longer than 64 MiB")), (2, 8, Err("not UTF-8")), (3, 11, Ok("ok".into()))]
        );
    }

    #[test]
    fn a_closed_pipe_is_a_separate_error() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(matches!(LineWriter::new(Gone).write(&1), Err(Error::BrokenPipe)));
    }
}

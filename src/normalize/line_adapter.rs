//! Adapts other input to lines: JSON documents that span lines, and tables, which have one header.
//!
//! The first line determines the framing. Lines of our own streams, and of every form with one
//! event per line, pass unchanged. A JSON document becomes one line for each element of its list.
//! The number of bytes stays the same, so offsets in the input stay valid; only line numbers then
//! count elements. Lines that a container runtime split are joined in the same way.

use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, PoisonError, RwLock};

use memchr::memchr;

use crate::model::log_line::is_log_noise;
use crate::normalize::container_lines::{LineSegment, join_segments};
use crate::normalize::sources::Header;

/// A reader that converts its input to lines.
pub struct LineAdapter<R> {
    input: R,
    /// The input that was read. The part before `consumed` has been passed on; the part before
    /// `ready` can be passed on.
    buffer: Vec<u8>,
    consumed: usize,
    ready: usize,
    is_over: bool,
    framing: Framing,
    headers: HeaderIndex,
}

/// The headers of tables by the offset from which they apply: an input can be several tables one
/// after the other.
#[derive(Clone, Default)]
pub struct HeaderIndex(Arc<RwLock<Vec<HeaderAtOffset>>>);

type HeaderAtOffset = (u64, Arc<Header>);

/// How the input is divided into lines.
enum Framing {
    Undecided,
    Lines,
    Document(Nesting),
    Table(Rows),
    /// Lines of a container runtime, which may be split.
    Segments,
}

/// The position in a JSON document.
#[derive(Default)]
struct Nesting {
    depth: usize,
    /// Whether the outermost level is a list. Its elements become lines.
    is_list: bool,
    is_in_text: bool,
    is_escaped: bool,
    /// Whether a part of an element has been seen since the last line break.
    has_begun: bool,
    /// Whether the element is not JSON, so that its end is unknown.
    is_broken: bool,
}

/// The position in a table, for finding headers.
#[derive(Default)]
struct Rows {
    offset: u64,
    line_start: u64,
    /// The current line, at most one byte longer than a header can be.
    line: Vec<u8>,
}

/// Bytes per read.
const READ_SIZE: usize = 1 << 16;

/// The longest first line that determines the framing, and the longest header, in bytes.
const MAX_HEADER_LEN: usize = 1 << 16;

/// The prefix of lines of our own streams. Reading resumes there if the document before has no end.
const OWN_LINE_PREFIX: &[u8] = b"{\"type\":";

/// The prefix of any event on its own line.
const ANY_LINE_PREFIX: &[u8] = b"{\"";

/// The deepest nesting of an element.
const MAX_DEPTH: usize = 128;

impl<R: Read> LineAdapter<R> {
    /// Adapts this input.
    pub fn new(input: R) -> LineAdapter<R> {
        LineAdapter {
            input,
            buffer: Vec::new(),
            consumed: 0,
            ready: 0,
            is_over: false,
            framing: Framing::Undecided,
            headers: HeaderIndex::default(),
        }
    }

    /// The headers. A header is in the index before the rows below it are read.
    pub fn header_index(&self) -> HeaderIndex {
        self.headers.clone()
    }

    /// Appends input to the buffer.
    fn fill(&mut self) -> io::Result<()> {
        let length = self.buffer.len();
        self.buffer.resize(length + READ_SIZE, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[length..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let count = read.as_ref().map_or(0, |count| *count);
        self.buffer.truncate(length + count);
        self.is_over = count == 0 && read.is_ok();
        read.map(drop)
    }

    /// Determines the framing from the first line that is neither empty nor a header of a log file.
    fn detect_framing(&mut self) -> io::Result<()> {
        let mut passed = 0;
        let (start, end) = loop {
            let is_content = |byte: &u8| !is_blank(*byte) && !BYTE_ORDER_MARK.contains(byte) && *byte != 0;
            let start = self.buffer[passed..].iter().position(is_content).map(|at| passed + at);
            let end = start.and_then(|start| Some(start + memchr(b'\n', &self.buffer[start..])?));
            match (start, end) {
                (Some(start), Some(end)) if is_log_header(&self.buffer[start..end]) => passed = end + 1,
                (Some(start), Some(end)) => break (start, Some(end)),
                (Some(start), None) if self.is_over || self.buffer.len() > MAX_HEADER_LEN => {
                    break (start, None);
                }
                (None, _) if self.is_over || self.buffer.len() > MAX_HEADER_LEN => {
                    break (self.buffer.len(), None);
                }
                _ => self.fill()?,
            }
        };
        let line = &self.buffer[start..end.unwrap_or(self.buffer.len())];
        let first = line.first().copied().unwrap_or_default();
        let last = line.iter().rev().copied().find(|byte| !is_blank(*byte)).unwrap_or_default();
        let is_header = || str::from_utf8(line).is_ok_and(|line| Header::parse(line.trim()).is_some());
        self.framing = match first {
            b'[' if starts_list(line) => Framing::Document(Nesting::default()),
            _ if LineSegment::parse(line).is_some() => Framing::Segments,
            // A truncated line can start like this too, but rarely ends like this.
            b'{' if end.is_some() && matches!(last, b'{' | b'[') => Framing::Document(Nesting::default()),
            b'{' => Framing::Lines,
            _ if is_header() => Framing::Table(Rows::default()),
            _ => Framing::Lines,
        };
        Ok(())
    }

    /// Makes more of the buffer `ready`.
    fn prepare(&mut self) -> io::Result<()> {
        if self.consumed == self.buffer.len() {
            self.buffer.clear();
            (self.consumed, self.ready) = (0, 0);
        }
        match &mut self.framing {
            Framing::Undecided => return self.detect_framing(),
            Framing::Lines => self.ready = self.buffer.len(),
            Framing::Table(rows) => {
                rows.pass(&self.buffer[self.ready..], &self.headers);
                self.ready = self.buffer.len();
            }
            Framing::Segments => self.ready = join_segments(&mut self.buffer, self.ready, self.is_over),
            Framing::Document(nesting) => {
                // The bytes after a line break are needed to interpret it.
                let kept = if self.is_over { 0 } else { OWN_LINE_PREFIX.len() };
                let end = self.buffer.len().saturating_sub(kept).max(self.ready);
                nesting.pass(&mut self.buffer, self.ready, end);
                self.ready = end;
            }
        }
        if self.consumed == self.ready && !self.is_over {
            self.buffer.drain(..self.consumed);
            (self.consumed, self.ready) = (0, 0);
            self.fill()?;
        }
        Ok(())
    }
}

impl<R: Read> Read for LineAdapter<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        // Most streams are lines already, and bypass the buffer.
        if matches!(self.framing, Framing::Lines) && self.consumed == self.buffer.len() {
            return self.input.read(output);
        }
        while self.consumed == self.ready {
            if self.is_over && self.ready == self.buffer.len() && !matches!(self.framing, Framing::Undecided)
            {
                return Ok(0);
            }
            self.prepare()?;
        }
        let count = output.len().min(self.ready - self.consumed);
        output[..count].copy_from_slice(&self.buffer[self.consumed..self.consumed + count]);
        self.consumed += count;
        Ok(count)
    }
}

impl HeaderIndex {
    /// The header that applies at this offset.
    pub fn at(&self, offset: u64) -> Option<Arc<Header>> {
        let headers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let above = headers.partition_point(|(from, _)| *from <= offset);
        above.checked_sub(1).map(|place| headers[place].1.clone())
    }

    fn add(&self, offset: u64, header: Header) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push((offset, Arc::new(header)));
    }
}

impl Rows {
    fn pass(&mut self, bytes: &[u8], headers: &HeaderIndex) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = (MAX_HEADER_LEN + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(&line[..line.len().min(room)]);
            self.offset += line.len() as u64;
            if line.ends_with(b"\n") {
                let text = str::from_utf8(&self.line).ok().filter(|line| line.len() <= MAX_HEADER_LEN);
                let header = text.and_then(|text| Header::parse(text.trim_start_matches('\u{feff}').trim()));
                if let Some(header) = header {
                    headers.add(self.line_start, header);
                }
                self.line.clear();
                self.line_start = self.offset;
            }
        }
    }
}

impl Nesting {
    /// Processes these bytes of the buffer: line breaks within an element become blanks, and
    /// separators of elements become line breaks.
    fn pass(&mut self, buffer: &mut [u8], start: usize, end: usize) {
        for at in start..end {
            let byte = buffer[at];
            if byte == b'\n' {
                self.is_broken |= self.is_in_text;
                let prefix = if self.is_broken { ANY_LINE_PREFIX } else { OWN_LINE_PREFIX };
                let is_before_line = buffer[at + 1..].starts_with(prefix);
                if std::mem::take(&mut self.is_in_text) && !is_before_line {
                    // A JSON string has no line breaks. The carriage return keeps it invalid.
                    buffer[at] = b'\r';
                } else if self.level() == 0 || is_before_line {
                    buffer[at] = self.separator();
                    self.depth = usize::from(self.is_list);
                } else {
                    buffer[at] = b' ';
                }
                self.is_escaped = false;
                continue;
            }
            if self.is_in_text {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.is_in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'[' if self.depth == 0 && !self.has_begun => {
                    (self.is_list, self.depth) = (true, 1);
                    buffer[at] = b' ';
                    continue;
                }
                b']' if self.is_list && self.depth == 1 => {
                    (self.is_list, self.depth) = (false, 0);
                    buffer[at] = self.separator();
                    continue;
                }
                b',' if self.is_list && self.depth == 1 => {
                    buffer[at] = self.separator();
                    continue;
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.level() > 0 => self.depth -= 1,
                b'"' => self.is_in_text = true,
                _ => {}
            }
            let is_mark = BYTE_ORDER_MARK.contains(&byte) && self.level() == 0;
            self.has_begun |= !is_blank(byte) && !is_mark;
            self.is_broken |= self.level() > MAX_DEPTH;
        }
    }

    /// The depth within an element.
    fn level(&self) -> usize {
        self.depth - usize::from(self.is_list)
    }

    /// The separator after an element: a line break, but only once.
    fn separator(&mut self) -> u8 {
        self.is_broken = false;
        if std::mem::take(&mut self.has_begun) { b'\n' } else { b' ' }
    }
}

/// The UTF-8 byte order mark, which some editors write at the start.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a line that starts with a bracket starts a list, rather than having a time or the name
/// of a container in brackets as its prefix.
fn starts_list(line: &[u8]) -> bool {
    let next = line[1..].iter().find(|byte| !is_blank(**byte));
    matches!(next, None | Some(b'{' | b'[' | b']'))
}

/// Whether a line is a header of a log file and not part of its content.
fn is_log_header(line: &[u8]) -> bool {
    // The bracket of an array can be on its own line.
    !line.starts_with(b"[") && str::from_utf8(line).is_ok_and(is_log_noise)
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::container_lines::SPLIT_AT;

    /// Reads in pieces of at most `max` bytes.
    fn read(input: &str, max: usize) -> String {
        struct SmallReads<'a>(&'a [u8], usize);
        impl Read for SmallReads<'_> {
            fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
                let count = self.1.min(output.len()).min(self.0.len());
                output[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let mut read = String::new();
        let mut adapter = LineAdapter::new(SmallReads(input.as_bytes(), max));
        adapter.read_to_string(&mut read).expect("memory does not fail");
        assert_eq!(read.len(), input.len(), "every byte keeps its offset");
        read
    }

    fn lines(input: &str) -> Vec<String> {
        let whole = read(input, usize::MAX);
        for max in [1, 7] {
            assert_eq!(read(input, max), whole);
        }
        let blankless = |line: &str| line.split_whitespace().collect::<String>();
        whole.lines().map(blankless).filter(|line| !line.is_empty()).collect()
    }

    #[test]
    fn turns_elements_of_a_document_into_lines() {
        let elements = ["{\"a\":[1,{\"b\":\"]},\\\"\"}]}", "{\"c\":2}", "3"];
        for document in [
            "[{\"a\":[1,{\"b\":\"]},\\\"\"}]},{\"c\":2},3]",
            "\u{feff}\n[\n {\n  \"a\": [\n   1,\n   {\"b\":\n \"]},\\\"\"}\n  ]\n },\r\n {\"c\": 2}\n ,\n 3\n]\n",
            "[{\"a\":[1,{\"b\":\"]},\\\"\"}]}, \n {\"c\":2}]\n3",
            "{\n \"a\": [1, {\"b\": \"]},\\\"\"}]\n}\n{\n\"c\":2\n}\n[3]",
        ] {
            let lines = lines(document);
            assert_eq!(
                lines.iter().map(|line| line.trim_matches('\u{feff}')).collect::<Vec<_>>(),
                elements,
                "{document}"
            );
        }
    }

    #[test]
    fn ignores_headers_of_logs_when_detecting_the_framing() {
        let header = "# Logfile created on 2026-08-18 00:00:00 +0000 by logger.rb/v1.6.4\n\n==> a.log <==\n";
        let elements = lines(&format!("{header}{{\n \"a\": 1\n}}\n{{\n \"b\": 2\n}}\n"));
        assert_eq!(elements[2..], ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(
            lines(&format!("{header}[\n{{\"a\":1}},\n{{\"b\":2}}\n]\n"))[2..],
            ["{\"a\":1}", "{\"b\":2}"]
        );
        let stream = format!("{header}id,timestamp,user_id,event\n1,2026-10-05,42,8\n");
        let mut adapter = LineAdapter::new(stream.as_bytes());
        let headers = adapter.header_index();
        adapter.read_to_end(&mut Vec::new()).expect("memory does not fail");
        assert!(headers.at(stream.len() as u64).is_some() && headers.at(header.len() as u64 - 1).is_none());
        assert_eq!(read(header, 1), header);
    }

    #[test]
    fn passes_lines_and_truncated_input_unchanged() {
        for stream in [
            "",
            "\n",
            "{\"a\":[1,\n{\"b\":2}\n",
            "{\"a\":1}\n[1,\n2]\n",
            "x\n{\n}\n",
            "{\"a\":{",
            "[pod/a/b] {\"a\":1}\n",
        ] {
            assert_eq!(read(stream, usize::MAX), stream);
            assert_eq!(read(stream, 1), stream);
        }
    }

    #[test]
    fn joins_lines_that_a_container_runtime_split() {
        let cri =
            |stream: &str, tag: &str, text: &str| format!("2026-10-01T09:00:00.1Z {stream} {tag} {text}\n");
        let docker = |stream: &str, text: &str| format!("{{\"log\":\"{text}\",\"stream\":\"{stream}\"}}\n");
        let trimmed = |input: &str| -> Vec<String> {
            let whole = read(input, usize::MAX);
            assert_eq!(read(input, input.len() / 50 + 1), whole);
            whole.lines().map(|line| line.trim_start().to_owned()).collect()
        };
        let (f, p) = ("F", "P");
        let split = [
            cri("stdout", f, "{}"),
            cri("stdout", p, "{\"a\":"),
            cri("stdout", p, "[1,"),
            cri("stdout", f, "2]}"),
            cri("stderr", f, "x"),
        ];
        let whole =
            [cri("stdout", f, "{}"), cri("stdout", f, "{\"a\":[1,2]}"), cri("stderr", f, "x")].concat();
        assert_eq!(trimmed(&split.concat()), whole.lines().collect::<Vec<_>>());
        // The last line needs no line break.
        assert_eq!(trimmed(split[..4].concat().trim_end())[1], cri("stdout", f, "{\"a\":[1,2]}").trim_end());
        let long = "x".repeat(SPLIT_AT);
        let split = [docker("stdout", &long), docker("stdout", "1}\\n"), docker("stdout", "b\\n")].concat();
        let whole = [docker("stdout", &format!("{long}1}}\\n")), docker("stdout", "b\\n")].concat();
        assert_eq!(trimmed(&split), whole.lines().collect::<Vec<_>>());
        // Lines without a last segment, of another stream, or of other forms stay unchanged.
        for stream in [
            [cri("stdout", p, "{"), cri("stderr", f, "}"), cri("stdout", f, "}")].concat(),
            [cri("stdout", f, "a"), "{}\n".to_owned(), cri("stdout", p, "b")].concat(),
            [docker("stdout", &long), docker("stderr", "b\\n"), docker("stdout", &long)].concat(),
            [docker("stdout", "a"), docker("stdout", "b\\n"), docker("stdout", "c")].concat(),
            [docker("stdout", &format!("{long}\\n")), docker("stdout", "c\\n")].concat(),
        ] {
            assert_eq!(read(&stream, usize::MAX), stream);
            assert_eq!(read(&stream, stream.len() / 50 + 1), stream);
        }
    }

    #[test]
    fn resumes_after_a_document_without_an_end() {
        let broken = "[\n {\"a\": {\"b\": \"c\n }\n },\n {\"d\": 1},\n";
        assert_eq!(
            lines(&format!("{broken}{{\"type\":\"event\"}}\n"))[1..],
            ["{\"d\":1}", "{\"type\":\"event\"}"]
        );
        assert_eq!(
            lines("{\n \"a\": [\n{\"type\":\"event\"}\n{\"type\":\"seat\"}")[1..],
            ["{\"type\":\"event\"}", "{\"type\":\"seat\"}"]
        );
        // A text with a line break stays invalid.
        assert!(read("[\n\"a\nb\"]", usize::MAX).contains('\r'));
    }

    #[test]
    fn headers_apply_to_the_rows_below_them() {
        let first = "id,timestamp,user_id,event\n1,2026-10-05,42,8\n";
        let second = "event,user_id,timestamp\n8,42,2026-10-05\n";
        let stream = format!("{first}{second}");
        let mut adapter = LineAdapter::new(stream.as_bytes());
        let headers = adapter.header_index();
        let mut read = String::new();
        adapter.read_to_string(&mut read).expect("memory does not fail");
        assert_eq!(read, stream);
        let header = |text: &str| Header::parse(text.lines().next().expect("a line"));
        let at = |offset: usize| headers.at(offset as u64).map(|header| (*header).clone());
        assert_eq!(at(first.len() - 1), header(first));
        assert_eq!(at(first.len()), header(second));
        assert_eq!(at(stream.len()), header(second));
        assert_eq!(HeaderIndex::default().at(7), None);
    }
}

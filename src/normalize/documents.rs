//! Input that is not lines, read as lines: documents that span several, and tables whose heading is said once.
//!
//! What a stream is, its first line decides. Lines of our own, and of every form that has one event a line, pass untouched. A
//! JSON document becomes a line for each element of its list, without a byte more or less, so that places in the input stay
//! what they are; only the numbers of lines then count elements. Lines that a container runtime split are put together in
//! the same way.

use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, PoisonError, RwLock};

use memchr::memchr;

use crate::model::log_line::is_furniture;
use crate::normalize::sources::{Heading, LONGEST};

/// A reader that gives lines.
pub struct Documents<R> {
    input: R,
    /// What was read, and from where on it was not given away yet.
    buffer: Vec<u8>,
    given: usize,
    /// Up to where the buffer is ready to be given.
    ready: usize,
    is_over: bool,
    manner: Manner,
    headings: Headings,
}

/// The headings of a table, with the places from which on they hold: tables can be put one behind the other.
#[derive(Clone, Default)]
pub struct Headings(Arc<RwLock<Vec<FromHere>>>);

type FromHere = (u64, Arc<Heading>);

enum Manner {
    Undecided,
    Lines,
    Document(Nesting),
    Table(Rows),
    /// Lines that a container runtime wrote, which splits them at 16 KiB.
    Parts,
}

/// Where in a document a byte is.
#[derive(Default)]
struct Nesting {
    depth: usize,
    /// Whether the outermost level is a list, whose elements become lines.
    is_list: bool,
    is_in_text: bool,
    is_escaped: bool,
    /// Whether anything of an element was seen since the last line break.
    has_begun: bool,
    /// Whether the element is no JSON, so that its end is not to be known.
    is_broken: bool,
}

/// The rows of a table, as far as it takes to find headings among them.
#[derive(Default)]
struct Rows {
    offset: u64,
    line_start: u64,
    /// The line so far; longer than a heading can be, it is none.
    line: Vec<u8>,
}

/// How much is read at once.
const PIECE: usize = 1 << 16;

/// The longest line that is looked at to decide what a stream is, and the longest heading.
const LONGEST_HEAD: usize = 1 << 16;

/// How a line of our own begins, at which reading goes on when a document before it has no end.
const OWN_LINE: &[u8] = b"{\"type\":";

/// How any event begins that stands in a line of its own.
const ANY_LINE: &[u8] = b"{\"";

/// Deeper than this nothing is read.
const DEEPEST: usize = 128;

impl<R: Read> Documents<R> {
    /// Reads from this.
    pub fn new(input: R) -> Documents<R> {
        Documents {
            input,
            buffer: Vec::new(),
            given: 0,
            ready: 0,
            is_over: false,
            manner: Manner::Undecided,
            headings: Headings::default(),
        }
    }

    /// The headings, which are known before the rows below them are given.
    pub fn headings(&self) -> Headings {
        self.headings.clone()
    }

    /// Reads a piece behind what is in the buffer.
    fn fill(&mut self) -> io::Result<()> {
        let length = self.buffer.len();
        self.buffer.resize(length + PIECE, 0);
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

    /// Looks at the first line that is neither empty nor a header of a log.
    fn decide(&mut self) -> io::Result<()> {
        let mut passed = 0;
        let (start, end) = loop {
            let is_content = |byte: &u8| !is_blank(*byte) && !MARK.contains(byte) && *byte != 0;
            let start = self.buffer[passed..].iter().position(is_content).map(|at| passed + at);
            let end = start.and_then(|start| Some(start + memchr(b'\n', &self.buffer[start..])?));
            match (start, end) {
                (Some(start), Some(end)) if is_header(&self.buffer[start..end]) => passed = end + 1,
                (Some(start), Some(end)) => break (start, Some(end)),
                (Some(start), None) if self.is_over || self.buffer.len() > LONGEST_HEAD => {
                    break (start, None);
                }
                (None, _) if self.is_over || self.buffer.len() > LONGEST_HEAD => {
                    break (self.buffer.len(), None);
                }
                _ => self.fill()?,
            }
        };
        let line = &self.buffer[start..end.unwrap_or(self.buffer.len())];
        let first = line.first().copied().unwrap_or_default();
        let last = line.iter().rev().copied().find(|byte| !is_blank(*byte)).unwrap_or_default();
        let is_heading = || str::from_utf8(line).is_ok_and(|line| Heading::parse(line.trim()).is_some());
        self.manner = match first {
            b'[' if starts_list(line) => Manner::Document(Nesting::default()),
            _ if Part::of(line).is_some() => Manner::Parts,
            // A line that is cut off can begin like this too, but hardly end so.
            b'{' if end.is_some() && matches!(last, b'{' | b'[') => Manner::Document(Nesting::default()),
            b'{' => Manner::Lines,
            _ if is_heading() => Manner::Table(Rows::default()),
            _ => Manner::Lines,
        };
        Ok(())
    }

    /// Makes more of the buffer ready.
    fn prepare(&mut self) -> io::Result<()> {
        if self.given == self.buffer.len() {
            self.buffer.clear();
            (self.given, self.ready) = (0, 0);
        }
        match &mut self.manner {
            Manner::Undecided => return self.decide(),
            Manner::Lines => self.ready = self.buffer.len(),
            Manner::Table(rows) => {
                rows.pass(&self.buffer[self.ready..], &self.headings);
                self.ready = self.buffer.len();
            }
            Manner::Parts => self.ready = join(&mut self.buffer, self.ready, self.is_over),
            Manner::Document(nesting) => {
                // What follows a line break is looked at.
                let kept = if self.is_over { 0 } else { OWN_LINE.len() };
                let end = self.buffer.len().saturating_sub(kept).max(self.ready);
                nesting.pass(&mut self.buffer, self.ready, end);
                self.ready = end;
            }
        }
        if self.given == self.ready && !self.is_over {
            self.buffer.drain(..self.given);
            (self.given, self.ready) = (0, 0);
            self.fill()?;
        }
        Ok(())
    }
}

impl<R: Read> Read for Documents<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        // Once it is known that there is nothing to do, nothing is done: most streams are lines.
        if matches!(self.manner, Manner::Lines) && self.given == self.buffer.len() {
            return self.input.read(output);
        }
        while self.given == self.ready {
            if self.is_over && self.ready == self.buffer.len() && !matches!(self.manner, Manner::Undecided) {
                return Ok(0);
            }
            self.prepare()?;
        }
        let count = output.len().min(self.ready - self.given);
        output[..count].copy_from_slice(&self.buffer[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

impl Headings {
    /// The heading that holds at this place.
    pub fn at(&self, offset: u64) -> Option<Arc<Heading>> {
        let headings = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let above = headings.partition_point(|(from, _)| *from <= offset);
        above.checked_sub(1).map(|place| headings[place].1.clone())
    }

    fn add(&self, offset: u64, heading: Heading) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push((offset, Arc::new(heading)));
    }
}

impl Rows {
    fn pass(&mut self, bytes: &[u8], headings: &Headings) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = (LONGEST_HEAD + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(&line[..line.len().min(room)]);
            self.offset += line.len() as u64;
            if line.ends_with(b"\n") {
                let text = str::from_utf8(&self.line).ok().filter(|line| line.len() <= LONGEST_HEAD);
                let heading =
                    text.and_then(|text| Heading::parse(text.trim_start_matches('\u{feff}').trim()));
                if let Some(heading) = heading {
                    headings.add(self.line_start, heading);
                }
                self.line.clear();
                self.line_start = self.offset;
            }
        }
    }
}

impl Nesting {
    /// Goes through these bytes of the buffer: line breaks within an element become blanks, and what parts elements becomes a
    /// line break.
    fn pass(&mut self, buffer: &mut [u8], start: usize, end: usize) {
        for at in start..end {
            let byte = buffer[at];
            if byte == b'\n' {
                self.is_broken |= self.is_in_text;
                let anew = if self.is_broken { ANY_LINE } else { OWN_LINE };
                let is_before_line = buffer[at + 1..].starts_with(anew);
                if std::mem::take(&mut self.is_in_text) && !is_before_line {
                    // No text spans lines. It must not become one that does not.
                    buffer[at] = b'\r';
                } else if self.level() == 0 || is_before_line {
                    buffer[at] = self.part();
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
                    buffer[at] = self.part();
                    continue;
                }
                b',' if self.is_list && self.depth == 1 => {
                    buffer[at] = self.part();
                    continue;
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.level() > 0 => self.depth -= 1,
                b'"' => self.is_in_text = true,
                _ => {}
            }
            let is_mark = MARK.contains(&byte) && self.level() == 0;
            self.has_begun |= !is_blank(byte) && !is_mark;
            self.is_broken |= self.level() > DEEPEST;
        }
    }

    /// How deep it is within an element.
    fn level(&self) -> usize {
        self.depth - usize::from(self.is_list)
    }

    /// What parts one element from the next: a line break, once.
    fn part(&mut self) -> u8 {
        self.is_broken = false;
        if std::mem::take(&mut self.has_begun) { b'\n' } else { b' ' }
    }
}

/// Where Docker splits lines, in bytes (moby, `daemon/logger/copier.go`, `defaultBufSize`). Escaped they are not fewer. A
/// shorter text without a line break is of a collector that left it out.
const SPLIT_AT: usize = 16 << 10;

/// A line as a container runtime writes it, which may be a part of the line that a program wrote. Docker's `json-file`
/// driver leaves out the line break of all parts but the last; the Kubernetes container runtime interface marks them with
/// `P` (for partial) in place of `F`.
struct Part<'a> {
    head: &'a [u8],
    text: &'a [u8],
    tail: &'a [u8],
    is_of_stderr: bool,
    is_open: bool,
}

impl<'a> Part<'a> {
    fn of(line: &'a [u8]) -> Option<Part<'a>> {
        const DOCKER: &[u8] = b"{\"log\":\"";
        if let Some(rest) = line.strip_prefix(DOCKER) {
            let mut end = 0;
            while *rest.get(end)? != b'"' {
                end += if rest[end] == b'\\' { 2 } else { 1 };
            }
            let (text, tail) = rest.split_at(end);
            // A letter behind an even number of backslashes is no line break.
            let before = text.strip_suffix(b"n").unwrap_or_default();
            let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
            let is_of_stderr = memchr::memmem::find(tail, b"\"stream\":\"stderr\"").is_some();
            let is_open = backslashes % 2 == 0 && text.len() >= SPLIT_AT;
            return Some(Part { head: &line[..DOCKER.len()], text, tail, is_of_stderr, is_open });
        }
        let time = memchr(b' ', line).filter(|at| line[0].is_ascii_digit() && line[..*at].contains(&b'T'))?;
        let (stream, rest) = line[time + 1..].split_at_checked(b"stdout ".len())?;
        let is_of_stderr = match stream {
            b"stdout " => false,
            b"stderr " => true,
            _ => return None,
        };
        let (tag, text) = rest.split_at_checked(2)?;
        let is_open = tag == b"P ";
        let head = &line[..line.len() - text.len()];
        (is_open || tag == b"F ").then_some(Part { head, text, tail: &[], is_of_stderr, is_open })
    }
}

/// Puts the parts of lines together that follow one another, from this place on: the line stands in the place of its last
/// part, with blanks before it in the place of the others. Returns up to where the buffer is final.
fn join(buffer: &mut [u8], start: usize, is_over: bool) -> usize {
    let mut at = start;
    while at < buffer.len() {
        at = match parts_at(buffer, at, is_over) {
            Parts::Unfinished => return at,
            Parts::Alone { end } => end,
            Parts::Joined { end, line } => {
                let last = end - usize::from(buffer[end - 1] == b'\n');
                let (blanks, place) = buffer[at..last].split_at_mut(last - at - line.len());
                blanks.fill(b' ');
                place.copy_from_slice(&line);
                end
            }
        };
    }
    at
}

/// What the lines from a place on are.
enum Parts {
    /// More has to be read to know.
    Unfinished,
    /// Lines that stay what they are.
    Alone { end: usize },
    /// Parts of this line.
    Joined { end: usize, line: Vec<u8> },
}

fn parts_at(buffer: &[u8], start: usize, is_over: bool) -> Parts {
    let can_wait = !is_over && buffer.len() - start <= LONGEST;
    let (mut text, mut end, mut is_of_stderr) = (Vec::new(), start, None);
    loop {
        let rest = &buffer[end..];
        let length = match memchr(b'\n', rest) {
            Some(length) => length,
            None if can_wait => return Parts::Unfinished,
            None => rest.len(),
        };
        let next = (end + length + 1).min(buffer.len());
        let part = Part::of(&rest[..length]);
        match part.filter(|part| is_of_stderr.is_none_or(|is_of_stderr| is_of_stderr == part.is_of_stderr)) {
            Some(part) if is_of_stderr.is_some() || part.is_open => {
                text.extend_from_slice(part.text);
                (end, is_of_stderr) = (next, Some(part.is_of_stderr));
                if !part.is_open {
                    return Parts::Joined { end, line: [part.head, &text, part.tail].concat() };
                }
            }
            // The line before it has no end.
            _ if is_of_stderr.is_some() => return Parts::Alone { end },
            _ => return Parts::Alone { end: next },
        }
    }
}

/// What some editors put before the first line.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a line that starts with a bracket starts a list, rather than being prefixed by a time or the name of a container.
fn starts_list(line: &[u8]) -> bool {
    let next = line[1..].iter().find(|byte| !is_blank(**byte));
    matches!(next, None | Some(b'{' | b'[' | b']'))
}

/// Whether a line stands before what the stream holds, without being a part of it.
fn is_header(line: &[u8]) -> bool {
    // The bracket of a list can stand in a line of its own.
    !line.starts_with(b"[") && str::from_utf8(line).is_ok_and(is_furniture)
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, in pieces of any size.
    fn read(input: &str, most: usize) -> String {
        struct Dripping<'a>(&'a [u8], usize);
        impl Read for Dripping<'_> {
            fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
                let count = self.1.min(output.len()).min(self.0.len());
                output[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let mut read = String::new();
        let mut documents = Documents::new(Dripping(input.as_bytes(), most));
        documents.read_to_string(&mut read).expect("memory does not fail");
        assert_eq!(read.len(), input.len(), "every byte has its place");
        read
    }

    fn lines(input: &str) -> Vec<String> {
        let whole = read(input, usize::MAX);
        for most in [1, 7] {
            assert_eq!(read(input, most), whole);
        }
        let blankless = |line: &str| line.split_whitespace().collect::<String>();
        whole.lines().map(blankless).filter(|line| !line.is_empty()).collect()
    }

    #[test]
    fn elements_of_a_document_become_lines() {
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
    fn headers_of_logs_do_not_decide_what_a_stream_is() {
        let header = "# Logfile created on 2026-08-18 00:00:00 +0000 by logger.rb/v1.6.4\n\n==> a.log <==\n";
        let elements = lines(&format!("{header}{{\n \"a\": 1\n}}\n{{\n \"b\": 2\n}}\n"));
        assert_eq!(elements[2..], ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(
            lines(&format!("{header}[\n{{\"a\":1}},\n{{\"b\":2}}\n]\n"))[2..],
            ["{\"a\":1}", "{\"b\":2}"]
        );
        let stream = format!("{header}id,timestamp,user_id,event\n1,2026-10-05,42,8\n");
        let mut documents = Documents::new(stream.as_bytes());
        let headings = documents.headings();
        documents.read_to_end(&mut Vec::new()).expect("memory does not fail");
        assert!(headings.at(stream.len() as u64).is_some() && headings.at(header.len() as u64 - 1).is_none());
        assert_eq!(read(header, 1), header);
    }

    #[test]
    fn lines_and_what_is_cut_off_pass_untouched() {
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
    fn lines_that_a_container_runtime_split_are_put_together() {
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
        // The last line needs no break.
        assert_eq!(trimmed(split[..4].concat().trim_end())[1], cri("stdout", f, "{\"a\":[1,2]}").trim_end());
        let long = "x".repeat(SPLIT_AT);
        let split = [docker("stdout", &long), docker("stdout", "1}\\n"), docker("stdout", "b\\n")].concat();
        let whole = [docker("stdout", &format!("{long}1}}\\n")), docker("stdout", "b\\n")].concat();
        assert_eq!(trimmed(&split), whole.lines().collect::<Vec<_>>());
        // What has no end, what is of another stream, and lines of other forms stay what they are.
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
    fn a_document_without_an_end_does_not_swallow_what_comes_after_it() {
        let broken = "[\n {\"a\": {\"b\": \"c\n }\n },\n {\"d\": 1},\n";
        assert_eq!(
            lines(&format!("{broken}{{\"type\":\"event\"}}\n"))[1..],
            ["{\"d\":1}", "{\"type\":\"event\"}"]
        );
        assert_eq!(
            lines("{\n \"a\": [\n{\"type\":\"event\"}\n{\"type\":\"seat\"}")[1..],
            ["{\"type\":\"event\"}", "{\"type\":\"seat\"}"]
        );
        // A text that spans lines must not become one that does not.
        assert!(read("[\n\"a\nb\"]", usize::MAX).contains('\r'));
    }

    #[test]
    fn headings_hold_for_the_rows_below_them() {
        let first = "id,timestamp,user_id,event\n1,2026-10-05,42,8\n";
        let second = "event,user_id,timestamp\n8,42,2026-10-05\n";
        let stream = format!("{first}{second}");
        let mut documents = Documents::new(stream.as_bytes());
        let headings = documents.headings();
        let mut read = String::new();
        documents.read_to_string(&mut read).expect("memory does not fail");
        assert_eq!(read, stream);
        let heading = |text: &str| Heading::parse(text.lines().next().expect("a line"));
        let at = |offset: usize| headings.at(offset as u64).map(|heading| (*heading).clone());
        assert_eq!(at(first.len() - 1), heading(first));
        assert_eq!(at(first.len()), heading(second));
        assert_eq!(at(stream.len()), heading(second));
        assert_eq!(Headings::default().at(7), None);
    }
}

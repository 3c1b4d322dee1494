//! Joins lines that a container runtime split: Docker and the Kubernetes container runtime
//! interface (CRI) split lines of programs at 16 KiB.

use memchr::memchr;

use crate::normalize::sources::MAX_LINE_LEN;

/// The length at which Docker splits lines, in bytes (moby, `daemon/logger/copier.go`,
/// `defaultBufSize`). Escaping only makes a text longer. A shorter text without a line break comes
/// from a log collector that omitted it.
pub(super) const SPLIT_AT: usize = 16 << 10;

/// A line that a container runtime wrote: a line of a program, or a segment of one. Docker's
/// `json-file` driver omits the line break of all segments but the last. CRI marks them with `P`
/// (partial) instead of `F` (full).
pub(super) struct LineSegment<'a> {
    head: &'a [u8],
    text: &'a [u8],
    tail: &'a [u8],
    is_stderr: bool,
    is_open: bool,
}

impl<'a> LineSegment<'a> {
    /// Parses a line; `None` if no container runtime wrote it.
    pub(super) fn parse(line: &'a [u8]) -> Option<LineSegment<'a>> {
        const DOCKER: &[u8] = b"{\"log\":\"";
        if let Some(rest) = line.strip_prefix(DOCKER) {
            let mut end = 0;
            while *rest.get(end)? != b'"' {
                end += if rest[end] == b'\\' { 2 } else { 1 };
            }
            let (text, tail) = rest.split_at(end);
            // After an even number of backslashes, `n` is a letter and no line break.
            let before = text.strip_suffix(b"n").unwrap_or_default();
            let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
            let is_stderr = memchr::memmem::find(tail, b"\"stream\":\"stderr\"").is_some();
            let is_open = backslashes % 2 == 0 && text.len() >= SPLIT_AT;
            return Some(LineSegment { head: &line[..DOCKER.len()], text, tail, is_stderr, is_open });
        }
        let time = memchr(b' ', line).filter(|at| line[0].is_ascii_digit() && line[..*at].contains(&b'T'))?;
        let (stream, rest) = line[time + 1..].split_at_checked(b"stdout ".len())?;
        let is_stderr = match stream {
            b"stdout " => false,
            b"stderr " => true,
            _ => return None,
        };
        let (tag, text) = rest.split_at_checked(2)?;
        let is_open = tag == b"P ";
        let head = &line[..line.len() - text.len()];
        (is_open || tag == b"F ").then_some(LineSegment { head, text, tail: &[], is_stderr, is_open })
    }
}

/// Joins consecutive segments from `start` on, in place: the joined line ends where its last
/// segment ends, and blanks replace the rest. Returns the offset up to which the buffer is final.
pub(super) fn join_segments(buffer: &mut [u8], start: usize, is_over: bool) -> usize {
    let mut at = start;
    while at < buffer.len() {
        at = match segments_at(buffer, at, is_over) {
            Segments::Unfinished => return at,
            Segments::Unchanged { end } => end,
            Segments::Joined { end, line } => {
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

/// The lines at an offset.
enum Segments {
    /// More input is needed.
    Unfinished,
    /// Lines that stay unchanged.
    Unchanged { end: usize },
    /// Segments of this line.
    Joined { end: usize, line: Vec<u8> },
}

fn segments_at(buffer: &[u8], start: usize, is_over: bool) -> Segments {
    let can_wait = !is_over && buffer.len() - start <= MAX_LINE_LEN;
    let (mut text, mut end, mut is_stderr) = (Vec::new(), start, None);
    loop {
        let rest = &buffer[end..];
        let length = match memchr(b'\n', rest) {
            Some(length) => length,
            None if can_wait => return Segments::Unfinished,
            None => rest.len(),
        };
        let next = (end + length + 1).min(buffer.len());
        let segment = LineSegment::parse(&rest[..length]);
        match segment.filter(|segment| is_stderr.is_none_or(|is_stderr| is_stderr == segment.is_stderr)) {
            Some(segment) if is_stderr.is_some() || segment.is_open => {
                text.extend_from_slice(segment.text);
                (end, is_stderr) = (next, Some(segment.is_stderr));
                if !segment.is_open {
                    return Segments::Joined { end, line: [segment.head, &text, segment.tail].concat() };
                }
            }
            // The previous line has no last segment.
            _ if is_stderr.is_some() => return Segments::Unchanged { end },
            _ => return Segments::Unchanged { end: next },
        }
    }
}

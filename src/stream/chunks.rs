//! A stream cut into chunks of whole lines, worked on by several threads, with the results in the order of the stream.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use memchr::{memchr, memchr_iter, memrchr};

use crate::base::error::Error;
use crate::stream::lines::{LONGEST_LINE, Line, line_of};

/// Whole lines of a stream.
pub struct Chunk {
    /// Where the chunk starts, in bytes from the start of the stream.
    offset: u64,
    /// How many lines the stream has before it, empty ones too, where they are counted.
    lines_before: Option<u64>,
    /// The lines, and behind them what is not of this chunk.
    buffer: Vec<u8>,
    length: usize,
    /// Whether it is the beginning of one line that is too long.
    is_cut: bool,
}

/// How much is read before it is worked on. A chunk can be longer, by one line. It is to stay in the cache of the core that
/// reads it, beside what the worker looks up and what it writes.
const CHUNK: usize = 1 << 18;

/// The same where what comes of a chunk is small: the fewer chunks, the less often two workers want the next one at once.
const LARGE_CHUNK: usize = 1 << 20;

/// How many items for each worker may be worked on, or wait to be taken.
const AHEAD: usize = 3;

/// The same where what comes of an item is small: a taker that is slow now and then does not stop the workers then.
const FAR_AHEAD: usize = 32;

/// As many of those as it is, is a result that is large all the same.
const LARGE: usize = FAR_AHEAD.div_ceil(AHEAD);

impl Chunk {
    /// The lines that are not empty; their numbers count from 1 within the chunk.
    pub fn lines(&self) -> Lines<'_> {
        // Nearly every chunk is text as a whole; only one that is not has to be judged line by line.
        let text = simdutf8::basic::from_utf8(self.bytes()).ok().filter(|_| !self.is_cut);
        Lines { chunk: self, text, start: 0, number: 0 }
    }

    /// How many lines the stream has before the chunk, empty ones too.
    ///
    /// # Panics
    /// When lines are not counted: see [`read_through`].
    pub fn lines_before(&self) -> u64 {
        self.lines_before.expect("who asks has them counted")
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

/// The lines of a chunk.
pub struct Lines<'a> {
    chunk: &'a Chunk,
    /// All of it, where all of it is text.
    text: Option<&'a str>,
    /// Where the next line starts, and the number of the last one.
    start: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    /// What follows, with all line breaks; `None` when it is not text as a whole, or one of its lines may be too long.
    #[inline]
    pub fn rest(&self) -> Option<&'a str> {
        self.text.filter(|text| text.len() <= LONGEST_LINE)?.get(self.start..)
    }

    /// Passes over a line of so many bytes, with its line break if it has one.
    #[inline]
    pub fn pass(&mut self, length: usize) {
        self.start += length;
        self.number += 1;
    }

    /// How many lines came so far, empty ones too.
    pub fn count_so_far(&self) -> u64 {
        self.number
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            let rest = &self.chunk.bytes()[self.start..];
            if rest.is_empty() {
                return None;
            }
            let (length, step) = memchr(b'\n', rest).map_or((rest.len(), rest.len()), |at| (at, at + 1));
            let text = self.text.map(|text| &text[self.start..][..length]);
            let offset = self.chunk.offset + self.start as u64;
            self.pass(step);
            let is_too_long = self.chunk.is_cut || length > LONGEST_LINE;
            if let Some(line) = line_of(&rest[..length], text, self.number, offset, is_too_long) {
                return Some(line);
            }
        }
    }
}

/// Cuts the input into chunks, works on them with these workers, and takes the results in the order of the input,
/// each with the number of its worker. An error of `take` ends it.
pub fn work_through<W: Send, T: Send>(
    input: impl Read + Send,
    workers: Vec<W>,
    work: impl Fn(&mut W, &Chunk) -> T + Sync,
    take: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    cut_and_work((input, CHUNK), Some(0), workers, (AHEAD, |_: &T| 1), work, take)
}

/// The same where what comes of a chunk is small but for some, and nobody asks a chunk how many lines come before it.
pub fn read_through<W: Send, T: Send>(
    input: impl Read + Send,
    workers: Vec<W>,
    work: impl Fn(&mut W, &Chunk) -> T + Sync,
    is_large: impl Fn(&T) -> bool + Sync,
    take: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    let size = |result: &T| if is_large(result) { LARGE } else { 1 };
    cut_and_work((input, LARGE_CHUNK), None, workers, (FAR_AHEAD, size), work, take)
}

fn cut_and_work<W: Send, T: Send>(
    (input, at_once): (impl Read + Send, usize),
    lines: Option<u64>,
    workers: Vec<W>,
    pace: (usize, impl Fn(&T) -> usize + Sync),
    work: impl Fn(&mut W, &Chunk) -> T + Sync,
    take: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    // Buffers go round: fresh memory for every chunk would cost as much as reading it.
    let (give_back, used) = mpsc::channel();
    let mut cutter = Cutter { input, at_once, used, rest: Vec::new(), offset: 0, lines, is_over: false };
    let chunks = std::iter::from_fn(move || cutter.next().map_err(Error::reading).transpose());
    let work = |worker: &mut W, chunk: Chunk| {
        let result = work(worker, &chunk);
        // One that a long line has blown up is let go; nobody takes any back when all is read.
        if chunk.buffer.len() <= 4 * at_once {
            let _ = give_back.send(chunk.buffer);
        }
        result
    };
    in_order(chunks, workers, pace, work, take)
}

/// Works on items with these workers, and takes the results in the order of the items, each with the number of its
/// worker. An item that is an error, and an error of `take`, end it.
///
/// Whoever is free gets the next item itself: what it reads is in the cache of its own core then.
pub fn side_by_side<I: Send, W: Send, T: Send>(
    items: impl Iterator<Item = Result<I, Error>> + Send,
    workers: Vec<W>,
    work: impl Fn(&mut W, I) -> T + Sync,
    take: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    in_order(items, workers, (AHEAD, |_: &T| 1), work, take)
}

/// The same with how many results of size one may wait for each worker, and the size of a result.
///
/// Who takes works too: a thread that did nothing else would push a worker from its core for every result.
fn in_order<I: Send, W: Send, T: Send>(
    items: impl Iterator<Item = Result<I, Error>> + Send,
    mut workers: Vec<W>,
    (ahead, size): (usize, impl Fn(&T) -> usize + Sync),
    work: impl Fn(&mut W, I) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    let room = Room::new(ahead * workers.len());
    let mut own = workers.pop().expect("without workers nothing would be done, and nobody would know");
    let own_number = workers.len();
    let source = Mutex::new(items.fuse().enumerate());
    let next = |has_room: bool| {
        let item = if has_room { locked(&source).next() } else { None };
        if has_room && item.is_none() {
            // Whoever waits for room has to see the end too.
            room.make(1);
        }
        item
    };
    let worked = |worker: &mut W, item: Result<I, Error>| {
        let result = work(worker, item?);
        let size = size(&result);
        room.fill(size - 1);
        Ok((size, result))
    };
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        // However this ends, nobody waits for room that will not be made.
        let _closing = Closing(&room);
        for (number, mut worker) in workers.into_iter().enumerate() {
            let (room, next, worked, sender) = (&room, &next, &worked, sender.clone());
            scope.spawn(move || {
                while let Some((place, item)) = next(room.wait()) {
                    // A panic has to reach who waits for this result.
                    let result = catch_unwind(AssertUnwindSafe(|| worked(&mut worker, item)));
                    if sender.send((place, (number, result))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut waiting, mut awaited) = (BTreeMap::new(), 0);
        loop {
            match next(room.has_some()) {
                Some((place, item)) => {
                    let result = Ok(worked(&mut own, item));
                    waiting.insert(place, (own_number, result));
                    waiting.extend(results.try_iter());
                }
                None => match results.recv() {
                    Ok((place, result)) => drop(waiting.insert(place, result)),
                    Err(mpsc::RecvError) => return Ok(()),
                },
            }
            while let Some((worker, result)) = waiting.remove(&awaited) {
                awaited += 1;
                let (size, result) = result.unwrap_or_else(|panic| resume_unwind(panic))?;
                take(worker, result)?;
                room.make(size);
            }
        }
    })
}

/// How many results of size one may still be worked on or wait: without a bound, those that wait for a slow one would fill the
/// memory. `None` once it is over.
struct Room {
    free: Mutex<Option<isize>>,
    changed: Condvar,
}

impl Room {
    fn new(results: usize) -> Room {
        Room { free: Mutex::new(Some(results.cast_signed())), changed: Condvar::new() }
    }

    /// Takes room for one, if there is some.
    fn has_some(&self) -> bool {
        take_one(&mut locked(&self.free))
    }

    /// Takes room for one as soon as there is some; false when it is over.
    fn wait(&self) -> bool {
        let is_full = |free: &mut Option<isize>| free.is_some_and(|free| free <= 0);
        let free = self.changed.wait_while(locked(&self.free), is_full);
        take_one(&mut free.unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes room for so many that are there already, whether there is some or not.
    fn fill(&self, results: usize) {
        if let Some(free) = locked(&self.free).as_mut() {
            *free -= results.cast_signed();
        }
    }

    /// Makes room for so many.
    fn make(&self, results: usize) {
        let mut free = locked(&self.free);
        let Some(free) = free.as_mut() else { return };
        if *free <= 0 {
            self.changed.notify_all();
        }
        *free += results.cast_signed();
    }
}

fn take_one(free: &mut Option<isize>) -> bool {
    let one = free.as_mut().filter(|free| **free > 0);
    one.map(|free| *free -= 1).is_some()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the waiting for room when it is dropped.
struct Closing<'a>(&'a Room);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        *locked(&self.0.free) = None;
        self.0.changed.notify_all();
    }
}

/// Cuts a stream at line breaks.
struct Cutter<R> {
    input: R,
    /// How much is read at once, in bytes.
    at_once: usize,
    /// Buffers that are free again.
    used: Receiver<Vec<u8>>,
    /// What was read beyond the last chunk.
    rest: Vec<u8>,
    offset: u64,
    /// How many lines came so far, where they are counted.
    lines: Option<u64>,
    is_over: bool,
}

impl<R: Read> Cutter<R> {
    /// The next whole lines; `None` at the end of the input.
    fn next(&mut self) -> io::Result<Option<Chunk>> {
        let mut buffer = self.used.try_recv().unwrap_or_default();
        let mut length = self.rest.len();
        buffer.resize(buffer.len().max(length), 0);
        buffer[..length].copy_from_slice(&self.rest);
        self.rest.clear();
        // Behind a line that was too long, what is left holds line breaks too.
        let mut searched = 0;
        while !self.is_over {
            length = self.fill(&mut buffer, length)?;
            if let Some(last) = memrchr(b'\n', &buffer[searched..length]) {
                let end = searched + last + 1;
                self.rest.extend_from_slice(&buffer[end..length]);
                return Ok(Some(self.chunk(buffer, end, false)));
            }
            if length > LONGEST_LINE {
                return self.cut(buffer, length).map(Some);
            }
            searched = length;
        }
        Ok((length > 0).then(|| self.chunk(buffer, length, false)))
    }

    /// Reads as much as a chunk has behind what the buffer holds already, and returns where that ends.
    fn fill(&mut self, buffer: &mut Vec<u8>, mut length: usize) -> io::Result<usize> {
        let end = length + self.at_once;
        buffer.resize(buffer.len().max(end), 0);
        while length < end {
            match self.input.read(&mut buffer[length..end]) {
                Ok(0) => {
                    self.is_over = true;
                    break;
                }
                Ok(count) => length += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }

    fn chunk(&mut self, buffer: Vec<u8>, length: usize, is_cut: bool) -> Chunk {
        let (offset, lines_before) = (self.offset, self.lines);
        let bytes = &buffer[..length];
        if let Some(lines) = &mut self.lines {
            let is_last_open = bytes.last().is_some_and(|byte| *byte != b'\n');
            *lines += memchr_iter(b'\n', bytes).count() as u64 + u64::from(is_last_open);
        }
        self.offset += length as u64;
        Chunk { offset, lines_before, buffer, length, is_cut }
    }

    /// Of a line that is too long the beginning is kept and the rest passed over: memory stays bounded.
    fn cut(&mut self, buffer: Vec<u8>, length: usize) -> io::Result<Chunk> {
        let kept = LONGEST_LINE + 1;
        let mut passed = (length - kept) as u64;
        let chunk = self.chunk(buffer, kept, true);
        let mut more = Vec::new();
        while !self.is_over {
            let length = self.fill(&mut more, 0)?;
            if let Some(end) = memchr(b'\n', &more[..length]) {
                passed += end as u64 + 1;
                self.rest.extend_from_slice(&more[end + 1..length]);
                break;
            }
            passed += length as u64;
        }
        self.offset += passed;
        Ok(chunk)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Number, offset and text of each line, chunk after chunk.
    fn read(input: &[u8], workers: usize) -> Vec<(u64, u64, Result<String, &'static str>)> {
        let mut seen = Vec::new();
        let mut before = 0;
        let work = |_: &mut (), chunk: &Chunk| {
            let mut lines = chunk.lines();
            assert!(lines.rest().is_none_or(|rest| rest.len() <= LONGEST_LINE));
            let told = |line: Line<'_>| (line.number, line.offset, line.text.map(str::to_owned));
            (lines.by_ref().map(told).collect::<Vec<_>>(), lines.count_so_far(), chunk.lines_before())
        };
        work_through(input, vec![(); workers], work, |_, (lines, count, lines_before)| {
            assert_eq!(lines_before, before);
            seen.extend(lines.into_iter().map(|(number, offset, text)| (before + number, offset, text)));
            before += count;
            Ok(())
        })
        .expect("memory does not fail");
        seen
    }

    #[test]
    fn lines_come_in_order_with_their_places_whatever_the_number_of_workers() {
        let mut input = b"\xef\xbb\xbf{}\n\n \r\n".to_vec();
        let mut expected = vec![(1, 0, Ok("{}".to_owned()))];
        for number in 4..30_000_u64 {
            let line = format!("line {number} {}", "x".repeat((number % 300) as usize));
            expected.push((number, input.len() as u64, Ok(line.clone())));
            input.extend(line.bytes().chain(*b"\n"));
        }
        expected.push((30_000, input.len() as u64, Err("not UTF-8")));
        input.extend(b"\xff\xfe");
        assert!(input.len() > 4 * CHUNK);
        for workers in 1..4 {
            assert!(read(&input, workers) == expected, "{workers} workers");
        }
        assert!(read(b"", 2).is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_is_told_and_the_rest_goes_on() {
        let mut input = b"one\n".to_vec();
        input.resize(input.len() + LONGEST_LINE + 3 * CHUNK / 2, b'x');
        let after = input.len() as u64 + 1;
        input.extend(b"\ntwo\n");
        let seen = read(&input, 2);
        assert_eq!(
            seen,
            [(1, 0, Ok("one".into())), (2, 4, Err("longer than 64 MiB")), (3, after, Ok("two".into()))]
        );
        let again = [input.as_slice(), &vec![b'x'; LONGEST_LINE + 3 * CHUNK]].concat();
        assert_eq!(read(&again, 2)[..3], seen, "between two of them");
        input.truncate(input.len() - 5);
        assert_eq!(read(&input, 2).len(), 2, "and nothing comes after it");
        // Where it is so within one read, as where it is not.
        for (length, is_too_long) in [(LONGEST_LINE, false), (LONGEST_LINE + 1, true)] {
            let input = [b"one\n".as_slice(), &vec![b'x'; length], b"\ntwo\n"].concat();
            let seen = read(&input, 2);
            assert_eq!((seen.len(), seen[1].2.is_err()), (3, is_too_long), "{length}");
        }
    }

    #[test]
    fn a_slow_item_holds_the_others_back_and_a_panic_is_passed_on() {
        let (done, slow) = mpsc::channel();
        let slow = Mutex::new(slow);
        let items = (0..100).map(Ok);
        let work = |(): &mut (), item: usize| match item {
            // It is done when the others have gone on as far as they may.
            0 => slow.lock().expect("nobody panics").iter().take(2 * AHEAD - 1).count(),
            item => {
                let _ = done.send(());
                item
            }
        };
        let mut taken = Vec::new();
        let result = side_by_side(items, vec![(); 2], work, |_, item| {
            taken.push(item);
            Ok(())
        });
        assert!(result.is_ok() && taken[1..] == (1..100).collect::<Vec<_>>() && taken[0] == 2 * AHEAD - 1);
        let panics =
            || side_by_side((0..9).map(Ok), vec![(); 2], |(), item| assert!(item < 5), |_, ()| Ok(()));
        assert!(catch_unwind(panics).is_err());
    }

    #[test]
    fn large_results_hold_back_as_many_small_ones() {
        for workers in 1..4 {
            let (mut taken, worked) = (0, AtomicUsize::new(0));
            let work = |(): &mut (), item: usize| {
                worked.fetch_add(1, Ordering::SeqCst);
                item
            };
            let pace = (FAR_AHEAD, |item: &usize| if item.is_multiple_of(3) { 1 } else { LARGE });
            let result = in_order((0..500).map(Ok), vec![(); workers], pace, work, |_, item| {
                assert_eq!(item, taken);
                taken += 1;
                thread::sleep(Duration::from_micros(200));
                // Of three two are large: with each that waits the next one may be worked on.
                let most = workers * (FAR_AHEAD * 3 / (2 * LARGE) + 3);
                assert!(worked.load(Ordering::SeqCst) - item <= most, "{item}: {worked:?} of {most}");
                Ok(())
            });
            assert!(result.is_ok() && taken == 500);
        }
    }

    #[test]
    fn who_waits_for_room_sees_the_end_too() {
        for items in (0..10).cycle().take(1000) {
            let mut taken = 0;
            let count = |_, ()| {
                taken += 1;
                Ok(())
            };
            let result = in_order((0..items).map(Ok), vec![(); 3], (1, |()| 1), |(), _| (), count);
            assert!(result.is_ok() && taken == items);
        }
    }

    #[test]
    fn an_error_of_the_taker_ends_it() {
        let input = "line\n".repeat(4 * CHUNK);
        let taken = work_through(input.as_bytes(), vec![(); 2], |_, _| (), |_, ()| Err(Error::ReaderGone));
        assert!(matches!(taken, Err(Error::ReaderGone)));
    }
}

//! Splits a stream into chunks of complete lines, processes them on several threads, and returns
//! the results in stream order.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use memchr::{memchr, memchr_iter, memrchr};

use crate::base::error::Error;
use crate::stream::lines::{InputLine, MAX_LINE_BYTES, parse_line};

/// Complete lines of a stream.
pub struct Chunk {
    /// Bytes of the stream before the chunk.
    offset: u64,
    /// Lines of the stream before the chunk, including empty ones; `None` if lines are not counted.
    lines_before: Option<u64>,
    /// The lines; bytes after `length` are not part of the chunk.
    buffer: Vec<u8>,
    length: usize,
    /// Whether the chunk is the beginning of a single line that is too long.
    is_truncated: bool,
}

/// Bytes per chunk. A chunk can be longer by one line. This size leaves room in the cache of a core
/// for the tables and the output of a worker.
const CHUNK_BYTES: usize = 1 << 18;

/// Bytes per chunk if results are small. Fewer chunks mean less contention for the next one.
const LARGE_CHUNK_BYTES: usize = 1 << 20;

/// Items per worker that may be in progress or wait to be consumed.
const QUEUE_DEPTH: usize = 3;

/// The same if results are small: an occasionally slow consumer does not stall the workers.
const SMALL_RESULT_QUEUE_DEPTH: usize = 32;

/// Queue slots of a large result if most results are small.
const LARGE_RESULT_SLOTS: usize = SMALL_RESULT_QUEUE_DEPTH.div_ceil(QUEUE_DEPTH);

impl Chunk {
    /// The non-empty lines. Their numbers start at 1 in each chunk, and count empty lines.
    pub fn lines(&self) -> ChunkLines<'_> {
        // Nearly every chunk is valid UTF-8. Otherwise each line is validated separately.
        let text = simdutf8::basic::from_utf8(self.bytes()).ok().filter(|_| !self.is_truncated);
        ChunkLines { chunk: self, text, start: 0, number: 0 }
    }

    /// Lines of the stream before the chunk, including empty ones.
    ///
    /// # Panics
    /// If lines are not counted: see [`process_large_chunks`].
    pub fn lines_before(&self) -> u64 {
        self.lines_before.expect("process_chunks counts lines")
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

/// The lines of a chunk.
pub struct ChunkLines<'a> {
    chunk: &'a Chunk,
    /// The whole chunk, if it is valid UTF-8.
    text: Option<&'a str>,
    /// Offset of the next line, and number of the last one.
    start: usize,
    number: u64,
}

impl<'a> ChunkLines<'a> {
    /// The rest of the chunk, with line breaks. `None` if the chunk is not valid UTF-8, or may
    /// contain a line that is too long.
    #[inline]
    pub fn remaining(&self) -> Option<&'a str> {
        self.text.filter(|text| text.len() <= MAX_LINE_BYTES)?.get(self.start..)
    }

    /// Skips a line. `length` includes its line break, if it has one.
    #[inline]
    pub fn advance(&mut self, length: usize) {
        self.start += length;
        self.number += 1;
    }

    /// Lines read so far, including empty ones.
    pub fn lines_read(&self) -> u64 {
        self.number
    }
}

impl<'a> Iterator for ChunkLines<'a> {
    type Item = InputLine<'a>;

    fn next(&mut self) -> Option<InputLine<'a>> {
        loop {
            let rest = &self.chunk.bytes()[self.start..];
            if rest.is_empty() {
                return None;
            }
            let (length, step) = memchr(b'\n', rest).map_or((rest.len(), rest.len()), |at| (at, at + 1));
            let text = self.text.map(|text| &text[self.start..][..length]);
            let offset = self.chunk.offset + self.start as u64;
            self.advance(step);
            let is_too_long = self.chunk.is_truncated || length > MAX_LINE_BYTES;
            if let Some(line) = parse_line(&rest[..length], text, self.number, offset, is_too_long) {
                return Some(line);
            }
        }
    }
}

/// Splits the input into chunks, runs `work` for them on one thread per worker, and calls `consume`
/// with the index of the worker and the result, in input order. An error of `consume` stops it.
pub fn process_chunks<W: Send, T: Send>(
    input: impl Read + Send,
    workers: Vec<W>,
    work: impl Fn(&mut W, &Chunk) -> T + Sync,
    consume: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    let queue = Queue { depth: QUEUE_DEPTH, slots: |_: &T| 1 };
    process_stream(ChunkReader::new(input, CHUNK_BYTES, Some(0)), workers, queue, work, consume)
}

/// [`process_chunks`] for results that are mostly small, without counting lines. Results for which
/// `is_large` returns true take more queue slots.
pub fn process_large_chunks<W: Send, T: Send>(
    input: impl Read + Send,
    workers: Vec<W>,
    work: impl Fn(&mut W, &Chunk) -> T + Sync,
    is_large: impl Fn(&T) -> bool + Sync,
    consume: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    let slots = |result: &T| if is_large(result) { LARGE_RESULT_SLOTS } else { 1 };
    let queue = Queue { depth: SMALL_RESULT_QUEUE_DEPTH, slots };
    process_stream(ChunkReader::new(input, LARGE_CHUNK_BYTES, None), workers, queue, work, consume)
}

/// The bound of results that are in progress or wait to be consumed.
struct Queue<S> {
    /// Slots per worker.
    depth: usize,
    /// Returns the slots that a result takes.
    slots: S,
}

fn process_stream<R: Read + Send, W: Send, T: Send>(
    mut reader: ChunkReader<R>,
    workers: Vec<W>,
    queue: Queue<impl Fn(&T) -> usize + Sync>,
    work: impl Fn(&mut W, &Chunk) -> T + Sync,
    consume: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    // Buffers are reused: allocating one per chunk would cost as much as reading it.
    let max_reused_bytes = 4 * reader.chunk_bytes;
    let (free_buffers, receiver) = mpsc::channel();
    reader.free_buffers = Some(receiver);
    let chunks = std::iter::from_fn(move || reader.next().map_err(Error::reading).transpose());
    let work = |worker: &mut W, chunk: Chunk| {
        let result = work(worker, &chunk);
        // A buffer that grew for a long line is dropped. Sending fails at the end of the input.
        if chunk.buffer.len() <= max_reused_bytes {
            let _ = free_buffers.send(chunk.buffer);
        }
        result
    };
    process_in_order(chunks, workers, queue, work, consume)
}

/// Runs `work` for each item on one thread per worker, and calls `consume` with the index of the
/// worker and the result, in item order. An item that is an error, and an error of `consume`, stop
/// it.
///
/// An idle worker calls the iterator itself, so that what the iterator reads is in the cache of its
/// core.
pub fn process_items<I: Send, W: Send, T: Send>(
    items: impl Iterator<Item = Result<I, Error>> + Send,
    workers: Vec<W>,
    work: impl Fn(&mut W, I) -> T + Sync,
    consume: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    process_in_order(items, workers, Queue { depth: QUEUE_DEPTH, slots: |_: &T| 1 }, work, consume)
}

/// [`process_items`] with a given queue.
///
/// The calling thread consumes results and also works: a thread that only consumed would preempt a
/// worker for every result.
fn process_in_order<I: Send, W: Send, T: Send>(
    items: impl Iterator<Item = Result<I, Error>> + Send,
    mut workers: Vec<W>,
    queue: Queue<impl Fn(&T) -> usize + Sync>,
    work: impl Fn(&mut W, I) -> T + Sync,
    mut consume: impl FnMut(usize, T) -> Result<(), Error>,
) -> Result<(), Error> {
    let slots = Semaphore::new(queue.depth * workers.len());
    let mut own_worker = workers.pop().expect("at least one worker");
    let own_index = workers.len();
    let source = Mutex::new(items.fuse().enumerate());
    let next = |has_slot: bool| next_item(&source, &slots, has_slot);
    let run = |worker: &mut W, item: Result<I, Error>| {
        let result = work(worker, item?);
        let taken = (queue.slots)(&result);
        slots.acquire_now(taken - 1);
        Ok((taken, result))
    };
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        // On every return, including a panic, wake the threads that wait for a slot.
        let _close = CloseOnDrop(&slots);
        for (index, mut worker) in workers.into_iter().enumerate() {
            let (slots, next, run, sender) = (&slots, &next, &run, sender.clone());
            scope.spawn(move || {
                while let Some((position, item)) = next(slots.acquire()) {
                    // The calling thread resumes a panic when it consumes this result.
                    let result = catch_unwind(AssertUnwindSafe(|| run(&mut worker, item)));
                    if sender.send((position, (index, result))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut pending, mut next_position) = (BTreeMap::new(), 0);
        loop {
            match next(slots.try_acquire()) {
                Some((position, item)) => {
                    let result = Ok(run(&mut own_worker, item));
                    pending.insert(position, (own_index, result));
                    pending.extend(results.try_iter());
                }
                None => match results.recv() {
                    Ok((position, result)) => drop(pending.insert(position, result)),
                    Err(mpsc::RecvError) => return Ok(()),
                },
            }
            while let Some((worker, result)) = pending.remove(&next_position) {
                next_position += 1;
                let (taken, result) = result.unwrap_or_else(|panic| resume_unwind(panic))?;
                consume(worker, result)?;
                slots.release(taken);
            }
        }
    })
}

/// The next item, if there is a slot for its result.
fn next_item<I>(source: &Mutex<impl Iterator<Item = I>>, slots: &Semaphore, has_slot: bool) -> Option<I> {
    let item = if has_slot { lock(source).next() } else { None };
    if has_slot && item.is_none() {
        // Wake the next waiting thread, so that it reaches the end too.
        slots.release(1);
    }
    item
}

/// A counting semaphore for the queue slots. Without a bound, results that wait for a slow one
/// would fill the memory. `free` is `None` once it is closed, and negative while large results
/// exceed the bound.
struct Semaphore {
    free: Mutex<Option<isize>>,
    changed: Condvar,
}

impl Semaphore {
    fn new(slots: usize) -> Semaphore {
        Semaphore { free: Mutex::new(Some(slots.cast_signed())), changed: Condvar::new() }
    }

    /// Takes a slot, if one is free.
    fn try_acquire(&self) -> bool {
        take_one(&mut lock(&self.free))
    }

    /// Waits for a slot and takes it; false if the semaphore is closed.
    fn acquire(&self) -> bool {
        let is_full = |free: &mut Option<isize>| free.is_some_and(|free| free <= 0);
        let free = self.changed.wait_while(lock(&self.free), is_full);
        take_one(&mut free.unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes slots without waiting, even if none is free.
    fn acquire_now(&self, slots: usize) {
        if let Some(free) = lock(&self.free).as_mut() {
            *free -= slots.cast_signed();
        }
    }

    fn release(&self, slots: usize) {
        let mut free = lock(&self.free);
        let Some(free) = free.as_mut() else { return };
        if *free <= 0 {
            self.changed.notify_all();
        }
        *free += slots.cast_signed();
    }
}

fn take_one(free: &mut Option<isize>) -> bool {
    let one = free.as_mut().filter(|free| **free > 0);
    one.map(|free| *free -= 1).is_some()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes a semaphore when it is dropped.
struct CloseOnDrop<'a>(&'a Semaphore);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) = None;
        self.0.changed.notify_all();
    }
}

/// Splits a stream at line breaks.
struct ChunkReader<R> {
    input: R,
    chunk_bytes: usize,
    /// Buffers to reuse.
    free_buffers: Option<Receiver<Vec<u8>>>,
    /// Bytes that were read beyond the last chunk.
    carry: Vec<u8>,
    offset: u64,
    /// Lines read so far, if they are counted.
    lines: Option<u64>,
    is_at_end: bool,
}

impl<R: Read> ChunkReader<R> {
    /// A reader at the start of the input. `lines` is 0 if lines are to be counted.
    fn new(input: R, chunk_bytes: usize, lines: Option<u64>) -> ChunkReader<R> {
        let (carry, free_buffers) = (Vec::new(), None);
        ChunkReader { input, chunk_bytes, free_buffers, carry, offset: 0, lines, is_at_end: false }
    }

    /// The next complete lines; `None` at the end of the input.
    fn next(&mut self) -> io::Result<Option<Chunk>> {
        let reused = self.free_buffers.as_ref().and_then(|buffers| buffers.try_recv().ok());
        let mut buffer = reused.unwrap_or_default();
        let mut length = self.carry.len();
        buffer.resize(buffer.len().max(length), 0);
        buffer[..length].copy_from_slice(&self.carry);
        self.carry.clear();
        // After a line that was too long, `carry` also contains line breaks.
        let mut searched = 0;
        while !self.is_at_end {
            length = self.fill(&mut buffer, length)?;
            if let Some(last) = memrchr(b'\n', &buffer[searched..length]) {
                let end = searched + last + 1;
                self.carry.extend_from_slice(&buffer[end..length]);
                return Ok(Some(self.chunk(buffer, end, false)));
            }
            if length > MAX_LINE_BYTES {
                return self.truncate_line(buffer, length).map(Some);
            }
            searched = length;
        }
        Ok((length > 0).then(|| self.chunk(buffer, length, false)))
    }

    /// Appends up to `chunk_bytes` to the buffer, and returns its new length.
    fn fill(&mut self, buffer: &mut Vec<u8>, mut length: usize) -> io::Result<usize> {
        let end = length + self.chunk_bytes;
        buffer.resize(buffer.len().max(end), 0);
        while length < end {
            match self.input.read(&mut buffer[length..end]) {
                Ok(0) => {
                    self.is_at_end = true;
                    break;
                }
                Ok(count) => length += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }

    fn chunk(&mut self, buffer: Vec<u8>, length: usize, is_truncated: bool) -> Chunk {
        let (offset, lines_before) = (self.offset, self.lines);
        let bytes = &buffer[..length];
        if let Some(lines) = &mut self.lines {
            let is_last_open = bytes.last().is_some_and(|byte| *byte != b'\n');
            *lines += memchr_iter(b'\n', bytes).count() as u64 + u64::from(is_last_open);
        }
        self.offset += length as u64;
        Chunk { offset, lines_before, buffer, length, is_truncated }
    }

    /// Keeps the beginning of a line that is too long and skips the rest, so that memory stays
    /// bounded.
    fn truncate_line(&mut self, buffer: Vec<u8>, length: usize) -> io::Result<Chunk> {
        let kept = MAX_LINE_BYTES + 1;
        let mut skipped = (length - kept) as u64;
        let chunk = self.chunk(buffer, kept, true);
        let mut buffer = Vec::new();
        while !self.is_at_end {
            let length = self.fill(&mut buffer, 0)?;
            if let Some(end) = memchr(b'\n', &buffer[..length]) {
                skipped += end as u64 + 1;
                self.carry.extend_from_slice(&buffer[end + 1..length]);
                break;
            }
            skipped += length as u64;
        }
        self.offset += skipped;
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
            assert!(lines.remaining().is_none_or(|rest| rest.len() <= MAX_LINE_BYTES));
            let fields = |line: InputLine<'_>| (line.number, line.offset, line.text.map(str::to_owned));
            (lines.by_ref().map(fields).collect::<Vec<_>>(), lines.lines_read(), chunk.lines_before())
        };
        process_chunks(input, vec![(); workers], work, |_, (lines, count, lines_before)| {
            assert_eq!(lines_before, before);
            seen.extend(lines.into_iter().map(|(number, offset, text)| (before + number, offset, text)));
            before += count;
            Ok(())
        })
        .expect("memory does not fail");
        seen
    }

    #[test]
    fn lines_are_in_order_for_any_number_of_workers() {
        let mut input = b"\xef\xbb\xbf{}\n\n \r\n".to_vec();
        let mut expected = vec![(1, 0, Ok("{}".to_owned()))];
        for number in 4..30_000_u64 {
            let line = format!("line {number} {}", "x".repeat((number % 300) as usize));
            expected.push((number, input.len() as u64, Ok(line.clone())));
            input.extend(line.bytes().chain(*b"\n"));
        }
        expected.push((30_000, input.len() as u64, Err("not UTF-8")));
        input.extend(b"\xff\xfe");
        assert!(input.len() > 4 * CHUNK_BYTES);
        for workers in 1..4 {
            assert!(read(&input, workers) == expected, "{workers} workers");
        }
        assert!(read(b"", 2).is_empty());
    }

    #[test]
    fn truncates_a_line_that_is_too_long_and_continues() {
        let mut input = b"one\n".to_vec();
        input.resize(input.len() + MAX_LINE_BYTES + 3 * CHUNK_BYTES / 2, b'x');
        let after = input.len() as u64 + 1;
        input.extend(b"\ntwo\n");
        let seen = read(&input, 2);
        assert_eq!(
            seen,
            [(1, 0, Ok("one".into())), (2, 4, Err("longer than 64 MiB")), (3, after, Ok("two".into()))]
        );
        let again = [input.as_slice(), &vec![b'x'; MAX_LINE_BYTES + 3 * CHUNK_BYTES]].concat();
        assert_eq!(read(&again, 2)[..3], seen, "between two long lines");
        input.truncate(input.len() - 5);
        assert_eq!(read(&input, 2).len(), 2, "at the end of the input");
        // The limit is exact.
        for (length, is_too_long) in [(MAX_LINE_BYTES, false), (MAX_LINE_BYTES + 1, true)] {
            let input = [b"one\n".as_slice(), &vec![b'x'; length], b"\ntwo\n"].concat();
            let seen = read(&input, 2);
            assert_eq!((seen.len(), seen[1].2.is_err()), (3, is_too_long), "{length}");
        }
    }

    #[test]
    fn the_queue_bounds_work_behind_a_slow_item_and_a_panic_is_resumed() {
        let (done, slow) = mpsc::channel();
        let slow = Mutex::new(slow);
        let items = (0..100).map(Ok);
        let work = |(): &mut (), item: usize| match item {
            // Finishes when the queue is full.
            0 => slow.lock().expect("no other holder panics").iter().take(2 * QUEUE_DEPTH - 1).count(),
            item => {
                let _ = done.send(());
                item
            }
        };
        let mut taken = Vec::new();
        let result = process_items(items, vec![(); 2], work, |_, item| {
            taken.push(item);
            Ok(())
        });
        assert!(
            result.is_ok() && taken[1..] == (1..100).collect::<Vec<_>>() && taken[0] == 2 * QUEUE_DEPTH - 1
        );
        let panics =
            || process_items((0..9).map(Ok), vec![(); 2], |(), item| assert!(item < 5), |_, ()| Ok(()));
        assert!(catch_unwind(panics).is_err());
    }

    #[test]
    fn large_results_take_more_queue_slots() {
        for workers in 1..4 {
            let (mut taken, worked) = (0, AtomicUsize::new(0));
            let work = |(): &mut (), item: usize| {
                worked.fetch_add(1, Ordering::SeqCst);
                item
            };
            let slots = |item: &usize| if item.is_multiple_of(3) { 1 } else { LARGE_RESULT_SLOTS };
            let queue = Queue { depth: SMALL_RESULT_QUEUE_DEPTH, slots };
            let result = process_in_order((0..500).map(Ok), vec![(); workers], queue, work, |_, item| {
                assert_eq!(item, taken);
                taken += 1;
                thread::sleep(Duration::from_micros(200));
                // Two of three results are large. Each worker may also have one item in progress.
                let most = workers * (SMALL_RESULT_QUEUE_DEPTH * 3 / (2 * LARGE_RESULT_SLOTS) + 3);
                assert!(worked.load(Ordering::SeqCst) - item <= most, "{item}: {worked:?} of {most}");
                Ok(())
            });
            assert!(result.is_ok() && taken == 500);
        }
    }

    #[test]
    fn waiting_workers_stop_at_the_end_of_the_input() {
        for items in (0..10).cycle().take(1000) {
            let mut taken = 0;
            let count = |_, ()| {
                taken += 1;
                Ok(())
            };
            let queue = Queue { depth: 1, slots: |(): &()| 1 };
            let result = process_in_order((0..items).map(Ok), vec![(); 3], queue, |(), _| (), count);
            assert!(result.is_ok() && taken == items);
        }
    }

    #[test]
    fn an_error_of_the_consumer_stops_processing() {
        let input = "line\n".repeat(4 * CHUNK_BYTES);
        let taken = process_chunks(input.as_bytes(), vec![(); 2], |_, _| (), |_, ()| Err(Error::BrokenPipe));
        assert!(matches!(taken, Err(Error::BrokenPipe)));
    }
}

//! Reads compressed lines within limits: a small file can unpack to any size.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::{GzDecoder, MultiGzDecoder};

use super::content::ReadError;
use crate::stream::lines::MAX_LINE_BYTES;

/// How much larger than the compressed bytes the lines may be. Days of 20,000 people have a ratio of
/// at most 20.
const MAX_RATIO: u64 = 64;

/// Unpacked bytes that are read whatever their ratio: a short file can consist of one pattern.
const MAX_SMALL_BYTES: u64 = 32 << 20;

/// The lines of a file, which is one gzip member.
pub(super) fn file_lines(file: impl Read) -> impl Iterator<Item = Result<String, ReadError>> {
    let packed = Counted { input: BufReader::new(file), count: Rc::default() };
    let count = Rc::clone(&packed.count);
    lines(Bounded { decoder: GzDecoder::new(packed), packed: count, unpacked: 0 }, |decoder| {
        let rest = decoder.get_mut().fill_buf().map_err(unreadable)?;
        if rest.is_empty() { Ok(()) } else { Err("it continues after its end".into()) }
    })
}

/// The lines of several gzip members.
pub(super) fn export_lines(input: impl BufRead) -> impl Iterator<Item = Result<String, ReadError>> {
    let packed = Counted { input, count: Rc::default() };
    let count = Rc::clone(&packed.count);
    lines(Bounded { decoder: MultiGzDecoder::new(packed), packed: count, unpacked: 0 }, |_| Ok(()))
}

/// The lines of a decoder. `finish` checks it at its end.
fn lines<D: Read>(
    decoder: Bounded<D>,
    finish: impl Fn(&mut D) -> Result<(), ReadError>,
) -> impl Iterator<Item = Result<String, ReadError>> {
    let mut reader = BufReader::new(decoder);
    let mut is_at_end = false;
    std::iter::from_fn(move || {
        if is_at_end {
            return None;
        }
        let line = read_line(&mut reader).transpose();
        is_at_end = !matches!(line, Some(Ok(_)));
        match line {
            None => finish(&mut reader.get_mut().decoder).err().map(Err),
            line => line,
        }
    })
}

fn read_line(reader: &mut impl BufRead) -> Result<Option<String>, ReadError> {
    let mut line = Vec::new();
    let length = reader.take(MAX_LINE_BYTES as u64 + 2).read_until(b'\n', &mut line).map_err(unreadable)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    if line.len() > MAX_LINE_BYTES {
        return Err("it has a line longer than 64 MiB".into());
    }
    let text = String::from_utf8(line).map_err(|_| ReadError::from("it is not UTF-8"))?;
    Ok((length > 0).then_some(text))
}

pub(super) fn unreadable(error: io::Error) -> ReadError {
    ReadError::Damaged(format!("it cannot be read: {error}"))
}

/// Counts the compressed bytes that were read.
struct Counted<R> {
    input: R,
    count: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(bytes)?;
        self.count.set(self.count.get() + length as u64);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.count.set(self.count.get() + length as u64);
        self.input.consume(length);
    }
}

/// Fails if there is far more than was compressed.
struct Bounded<D> {
    decoder: D,
    packed: Rc<Cell<u64>>,
    unpacked: u64,
}

impl<D: Read> Read for Bounded<D> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.decoder.read(bytes)?;
        self.unpacked += length as u64;
        if self.unpacked > MAX_SMALL_BYTES.max(self.packed.get().saturating_mul(MAX_RATIO)) {
            return Err(io::Error::other("it unpacks to more than 64 times its size"));
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(parts: &[&[u8]]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        parts.iter().for_each(|part| packer.write_all(part).expect("memory does not fail"));
        packer.finish().expect("memory does not fail")
    }

    /// The number of lines, and the error that ends them.
    fn read(lines: impl Iterator<Item = Result<String, ReadError>>) -> (usize, String) {
        let (mut count, mut reason) = (0, String::new());
        for line in lines {
            match line {
                Ok(_) => count += 1,
                Err(error) => reason = error.to_string(),
            }
        }
        (count, reason)
    }

    #[test]
    fn reads_lines_to_the_end_of_the_only_member() {
        let one = packed(&[b"{}\n{}"]);
        assert_eq!(read(file_lines(&*one)), (2, String::new()));
        let two = [&*one, &one].concat();
        assert_eq!(read(file_lines(&*two)), (2, "it continues after its end".to_owned()));
        assert_eq!(read(export_lines(&*two)).1, "");
        let (_, reason) = read(file_lines(&one[..one.len() - 3]));
        assert!(reason.starts_with("it cannot be read"), "{reason}");
    }

    #[test]
    fn what_unpacks_to_far_more_than_its_size_ends_early() {
        let long = vec![b' '; 1 << 20];
        for part in [&long[..], &b"{\"type\":\"x\"}\n".repeat(1 << 16)] {
            let bomb = packed(&vec![part; 60]);
            for (count, reason) in [read(file_lines(&*bomb)), read(export_lines(&*bomb))] {
                assert_eq!(reason, "it cannot be read: it unpacks to more than 64 times its size");
                assert!(count < 3_000_000, "{count}");
            }
        }
    }
}

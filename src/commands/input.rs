//! The input of a command: files of the command line one after the other, or standard input.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::error::Error;
use crate::stream::encoding::Decoder;
use crate::system::progress::{Progress, ReadWithProgress};

/// A stream of lines.
pub(super) type Input = Box<dyn Read + Send>;

/// The file name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Standard input; `None` if it is a terminal.
pub(super) fn standard_input() -> Option<Input> {
    let stdin = io::stdin();
    (!stdin.is_terminal())
        .then(|| Box::new(Decoder::stdin(BufReader::with_capacity(1 << 16, stdin))) as Input)
}

/// The files, or standard input if there are none; `None` if that is a terminal.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn optional_input(files: &[PathBuf]) -> Result<Option<Input>, Error> {
    if files.is_empty() {
        return Ok(standard_input());
    }
    // A file that is missing is an error before the first line is read. A named pipe is not opened: what
    // writes to it would end when it is closed again.
    let mut size = Some(0);
    for path in files {
        if is_standard_input(path) {
            size = None;
            continue;
        }
        let found = path.metadata().map_err(Error::file("read", path))?;
        if found.is_file() {
            File::open(path).map_err(Error::file("read", path))?;
        }
        size = size.filter(|_| found.is_file()).map(|size| size + found.len());
    }
    let progress = size.map(|size| Arc::new(Progress::of_bytes(size)));
    let waiting = files.iter().cloned().collect();
    Ok(Some(Box::new(FileReader { waiting, current: None, is_line_open: false, progress })))
}

/// The files, or standard input if there are none.
///
/// # Errors
/// A file that cannot be read, or no file and a terminal as standard input.
pub(super) fn input(files: &[PathBuf]) -> Result<Input, Error> {
    optional_input(files)?.ok_or_else(|| {
        Error::Usage(
            "no input; name files, or pipe the output of another command in, as \"duo-metrics --help\" shows"
                .to_owned(),
        )
    })
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads files one after the other. Each begins on a line of its own, so that the result is the stream of all their lines.
struct FileReader {
    waiting: VecDeque<PathBuf>,
    current: Option<Input>,
    /// Whether the last file did not end with a line break.
    is_line_open: bool,
    /// Shown if the size of everything is known.
    progress: Option<Arc<Progress>>,
}

impl FileReader {
    fn open(path: &Path, progress: Option<&Arc<Progress>>) -> Result<Input, Error> {
        if is_standard_input(path) {
            let terminal =
                || Error::Usage("- is standard input, which is a terminal; pipe something in".to_owned());
            return standard_input().ok_or_else(terminal);
        }
        let file = File::open(path).map_err(Error::file("read", path))?;
        match progress {
            Some(progress) => {
                let file = ReadWithProgress::new(file, Arc::clone(progress));
                without_mark(Decoder::file(file, path)).map_err(Error::file("read", path))
            }
            None => without_mark(Decoder::file(file, path)).map_err(Error::file("read", path)),
        }
    }
}

/// The text without a byte order mark, which is part of the line in the middle of a stream.
fn without_mark(mut text: impl Read + Send + 'static) -> io::Result<Input> {
    let mut start = Vec::new();
    text.by_ref().take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut start)?;
    if start == BYTE_ORDER_MARK.as_bytes() {
        start.clear();
    }
    Ok(Box::new(io::Cursor::new(start).chain(text)))
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(current) = &mut self.current else {
                let Some(path) = self.waiting.pop_front() else {
                    self.progress = None;
                    return Ok(0);
                };
                self.current =
                    Some(FileReader::open(&path, self.progress.as_ref()).map_err(io::Error::other)?);
                continue;
            };
            match current.read(buffer)? {
                0 => {
                    self.current = None;
                    if std::mem::take(&mut self.is_line_open) && !self.waiting.is_empty() {
                        buffer[0] = b'\n';
                        return Ok(1);
                    }
                }
                read => {
                    self.is_line_open = buffer[read - 1] != b'\n';
                    return Ok(read);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_one_stream_of_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("written");
            path
        };
        let utf16: Vec<u8> = "\u{feff}c\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let files =
            [file("a", b"a"), file("empty", b""), file("b", b"b\n"), file("c", &utf16), file("d", b"d")];
        let mut text = String::new();
        input(&files)
            .and_then(|mut input| input.read_to_string(&mut text).map_err(Error::reading))
            .expect("read");
        assert_eq!(text.replace('\r', ""), "a\nb\nc\nd");

        let missing = input(&[file("a", b"a"), folder.path().join("none")]).err().expect("an error");
        assert!(missing.code() == 78 && missing.to_string().contains("none"), "{missing}");
    }

    #[test]
    #[cfg(unix)]
    fn a_named_pipe_is_opened_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("it runs").success());
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::write(pipe, "a\nb\n")
        });
        let mut text = String::new();
        let mut pipe = input(&[pipe]).expect("it exists");
        pipe.read_to_string(&mut text).expect("read");
        assert_eq!(text, "a\nb\n");
        writer.join().expect("a thread").expect("written");
    }
}

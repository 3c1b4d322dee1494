//! Standard output, with an error if it is closed.

use std::fs::File;
use std::io::{self, Write};

use crate::base::error::Error;

/// Standard output. Unlike [`io::stdout`], it returns an error for a closed descriptor, and is not
/// buffered.
#[cfg(unix)]
pub fn standard_output() -> Result<impl Write, Error> {
    use std::os::fd::AsFd;
    let file = |descriptor: std::os::fd::BorrowedFd<'_>| descriptor.try_clone_to_owned().map(File::from);
    let output = file(io::stdout().as_fd()).map_err(Error::writing)?;
    let is_closed = is_stand_in(&output) && !file(io::stdin().as_fd()).is_ok_and(|input| is_stand_in(&input));
    Ok(StandardOutput { output, is_closed })
}

/// Standard output.
#[cfg(not(unix))]
pub fn standard_output() -> Result<impl Write, Error> {
    Ok(io::stdout())
}

struct StandardOutput {
    output: File,
    is_closed: bool,
}

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed { Err(io::Error::other("it is closed")) } else { self.output.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Whether this is what the Rust runtime opens in place of a closed descriptor when the program
/// starts: `/dev/null`, for reading and writing (`library/std/src/sys/pal/unix/mod.rs`). A shell
/// opens it for writing only. A daemon opens it like the runtime, but for standard input, too.
#[cfg(unix)]
fn is_stand_in(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |metadata: io::Result<std::fs::Metadata>| metadata.map(|found| found.rdev()).ok();
    let is_null = device(file.metadata()).is_some_and(|found| found != 0)
        && device(file.metadata()) == device(std::fs::metadata("/dev/null"));
    is_null && rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::RDWR))
}

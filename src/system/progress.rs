//! The progress of long work on standard error: a bar on a terminal, or an occasional line in a
//! log.

use std::fmt;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use schemars::JsonSchema;
use serde::Serialize;

use crate::base::text::format_count;
use crate::system::log::{self, LogFormat, Verbosity};
use crate::system::terminal::shows_bars;

/// The interval between progress lines in a log.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Work that takes less time than this has no bar.
const BAR_DELAY: Duration = Duration::from_millis(300);

const PARTS_TEMPLATE: &str = "{prefix} [{bar:24}] {human_pos} of {human_len} parts{msg}, {rate}, {eta} left";
const BYTES_TEMPLATE: &str = "{prefix} [{bar:24}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// What progress is measured in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Parts,
    Bytes,
}

/// The progress of long work, once a minute on standard error with `--log-format json`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "progress")]
pub struct ProgressLine {
    /// The command.
    command: &'static str,
    /// The text.
    message: String,
}

/// The progress of a command.
pub struct Progress {
    /// Counts, and draws if there is a terminal.
    bar: ProgressBar,
    unit: Unit,
    rows: AtomicU64,
    has_bar: bool,
    started: Instant,
    /// Time of the last line in a log.
    logged: Mutex<Instant>,
}

impl Progress {
    /// The progress of a number of parts, none of which is done.
    pub fn of_parts(total: usize) -> Progress {
        Progress::new(total as u64, Unit::Parts)
    }

    /// The progress of reading a number of bytes.
    pub fn of_bytes(total: u64) -> Progress {
        Progress::new(total, Unit::Bytes)
    }

    fn new(total: u64, unit: Unit) -> Progress {
        let log::LogOptions { command, format, verbosity } = log::options();
        let has_bar = verbosity > Verbosity::Quiet && format == LogFormat::Text && shows_bars();
        let template = if unit == Unit::Parts { PARTS_TEMPLATE } else { BYTES_TEMPLATE };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
            let _ = write!(text, "{:.1} per second", state.per_sec());
        };
        let style = style.with_key("rate", rate);
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden())
            .with_style(style.progress_chars("=> "))
            .with_prefix(format!("duo-metrics {command}:"));
        let now = Instant::now();
        Progress { bar, unit, rows: AtomicU64::new(0), has_bar, started: now, logged: Mutex::new(now) }
    }

    /// Adds received rows.
    pub fn add_rows(&self, rows: u64) {
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        if self.has_bar {
            self.bar.set_message(format!(", {}", format_count(rows, "row")));
        }
        self.show();
    }

    /// Adds completed parts or bytes.
    pub fn add(&self, done: u64) {
        self.bar.inc(done);
        self.show();
    }

    /// Shows the bar once the work takes long, or writes the next line.
    fn show(&self) {
        if self.has_bar {
            if self.bar.is_hidden() && self.started.elapsed() >= BAR_DELAY {
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
                log::show_bar(&self.bar);
            }
            return;
        }
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.elapsed() < LOG_INTERVAL {
            return;
        }
        *logged = Instant::now();
        drop(logged);
        if log::options().verbosity > Verbosity::Quiet {
            log::write_line(&self.text(), |command, message| ProgressLine { command, message });
        }
    }

    fn text(&self) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or_default());
        match self.unit {
            Unit::Parts => format!(
                "{done} of {}, {}",
                format_count(total, "part"),
                format_count(self.rows.load(Ordering::Relaxed), "row")
            ),
            Unit::Bytes => format!("{} of {}", HumanBytes(done), HumanBytes(total)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        log::hide_bar();
    }
}

/// A reader whose progress is shown.
pub struct ReadWithProgress<R> {
    input: R,
    progress: Arc<Progress>,
}

impl<R> ReadWithProgress<R> {
    /// Adds what is read to a progress of bytes.
    pub fn new(input: R, progress: Arc<Progress>) -> ReadWithProgress<R> {
        ReadWithProgress { input, progress }
    }
}

impl<R: Read> Read for ReadWithProgress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}

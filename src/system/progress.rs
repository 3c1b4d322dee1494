//! What a command says while it runs, on standard error: how far it is (on a terminal all the time, in a log a line
//! now and then), and what it waits for.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::json;

use crate::base::text::{counted, in_one_line};

/// How often a terminal is told.
const ON_TERMINAL: Duration = Duration::from_millis(200);

/// How often a log is told.
const IN_LOG: Duration = Duration::from_secs(60);

/// Form of the closing summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// JSON lines: the summary is the one without a type
    Json,
}

/// The command that runs and the form of its log. Both are those of the process, as standard error is.
static LOG: OnceLock<(&str, LogFormat)> = OnceLock::new();

/// The notice that was written last.
static LAST_NOTICE: Mutex<String> = Mutex::new(String::new());

/// Sets what lines on standard error begin with, and their form. The first call counts.
pub fn log_as(command: &'static str, format: LogFormat) {
    let _ = LOG.set((command, format));
}

/// Writes at once why the command waits before the next attempt. What several threads wait for is written once.
pub fn notice_of_retry(what: &str, attempt: u32, attempts: u32, pause: Duration) {
    let text = format!("{what}; retrying ({attempt} of {attempts}) in {} s", in_seconds(pause));
    let mut last = LAST_NOTICE.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != text {
        write_line(log().0, "notice", &text);
        *last = text;
    }
}

/// `4`, and below a second `0.25`.
fn in_seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{}", (duration.as_secs_f64() * 1_000.0).round() / 1_000.0),
        seconds => seconds.to_string(),
    }
}

/// Makes the next notice count as new: what the command waited for is over.
pub fn notice_over() {
    LAST_NOTICE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn log() -> (&'static str, LogFormat) {
    LOG.get().copied().unwrap_or(("", LogFormat::Text))
}

/// A line of its own, which takes the place of a progress line that a terminal may show. Standard error that is closed
/// is nobody's business.
fn write_line(command: &str, kind: &str, text: &str) {
    let text = in_one_line(text);
    let line = match log().1 {
        LogFormat::Json => format!("{}\n", json!({"type": kind, "command": command, "message": text})),
        LogFormat::Text if io::stderr().is_terminal() => format!("\r\x1b[Kduo-metrics {command}: {text}\n"),
        LogFormat::Text => format!("duo-metrics {command}: {text}\n"),
    };
    let _ = io::stderr().write_all(line.as_bytes());
}

/// How far a command is.
pub struct Progress {
    command: &'static str,
    total: usize,
    is_terminal: bool,
    state: Mutex<State>,
}

struct State {
    done: usize,
    rows: u64,
    told: Instant,
    is_shown: bool,
}

impl Progress {
    /// Of so many parts none is done yet.
    pub fn new(command: &'static str, total: usize) -> Progress {
        let state = State { done: 0, rows: 0, told: Instant::now(), is_shown: false };
        Progress {
            command,
            total,
            is_terminal: log().1 == LogFormat::Text && io::stderr().is_terminal(),
            state: Mutex::new(state),
        }
    }

    /// So many rows have come.
    pub fn rows(&self, rows: u64) {
        self.note(0, rows);
    }

    /// A part is done.
    pub fn part(&self) {
        self.note(1, 0);
    }

    fn note(&self, parts: usize, rows: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += parts;
        state.rows += rows;
        let pause = if self.is_terminal { ON_TERMINAL } else { IN_LOG };
        if state.told.elapsed() < pause {
            return;
        }
        state.told = Instant::now();
        let text = format!(
            "{} of {}, {}",
            state.done,
            counted(self.total as u64, "part"),
            counted(state.rows, "row")
        );
        if self.is_terminal {
            state.is_shown = true;
            let _ = write!(io::stderr(), "\r\x1b[Kduo-metrics {}: {text}", self.command);
        } else {
            write_line(self.command, "progress", &text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

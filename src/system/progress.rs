//! Progress and retry notices on standard error: a progress line that a terminal updates in place,
//! or an occasional line in a log.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::json;

use crate::base::text::{format_count, to_single_line};

/// The interval between updates on a terminal.
const TERMINAL_INTERVAL: Duration = Duration::from_millis(200);

/// The interval between progress lines in a log.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text
    Text,
    /// JSON lines: the summary is the one without a type
    Json,
}

/// The running command and the log format. They are global, like standard error.
static LOG: OnceLock<(&str, LogFormat)> = OnceLock::new();

/// The last retry notice, so that several threads write it only once.
static LAST_NOTICE: Mutex<String> = Mutex::new(String::new());

/// Sets the command and the format of log lines. Only the first call has an effect.
pub fn init_log(command: &'static str, format: LogFormat) {
    let _ = LOG.set((command, format));
}

/// Writes why the command waits before the next attempt. Identical consecutive notices are written
/// once.
pub fn log_retry(reason: &str, attempt: u32, attempts: u32, pause: Duration) {
    let text = format!("{reason}; retrying ({attempt} of {attempts}) in {} s", in_seconds(pause));
    let mut last = LAST_NOTICE.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != text {
        write_line(log().0, "notice", &text);
        *last = text;
    }
}

/// Writes a notice about the run.
pub fn log_notice(text: &str) {
    write_line(log().0, "notice", text);
}

/// Formats whole seconds, or milliseconds below one second: `4`, `0.25`.
fn in_seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{}", (duration.as_secs_f64() * 1_000.0).round() / 1_000.0),
        seconds => seconds.to_string(),
    }
}

/// After a successful retry: writes the next notice even if it equals the last one.
pub fn clear_retry_notice() {
    LAST_NOTICE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn log() -> (&'static str, LogFormat) {
    LOG.get().copied().unwrap_or(("", LogFormat::Text))
}

/// Writes a line, which replaces the progress line of a terminal. Errors are ignored: standard
/// error may be closed.
fn write_line(command: &str, kind: &str, text: &str) {
    let text = to_single_line(text);
    let line = match log().1 {
        LogFormat::Json => format!("{}\n", json!({"type": kind, "command": command, "message": text})),
        LogFormat::Text if io::stderr().is_terminal() => format!("\r\x1b[Kduo-metrics {command}: {text}\n"),
        LogFormat::Text => format!("duo-metrics {command}: {text}\n"),
    };
    let _ = io::stderr().write_all(line.as_bytes());
}

/// The progress of a command.
pub struct Progress {
    command: &'static str,
    total: usize,
    is_terminal: bool,
    state: Mutex<ProgressState>,
}

struct ProgressState {
    done: usize,
    rows: u64,
    /// Time of the last update.
    updated: Instant,
    is_visible: bool,
}

impl Progress {
    /// No progress yet. `total` is the number of parts.
    pub fn new(command: &'static str, total: usize) -> Progress {
        let state = ProgressState { done: 0, rows: 0, updated: Instant::now(), is_visible: false };
        Progress {
            command,
            total,
            is_terminal: log().1 == LogFormat::Text && io::stderr().is_terminal(),
            state: Mutex::new(state),
        }
    }

    /// Adds received rows.
    pub fn add_rows(&self, rows: u64) {
        self.update(0, rows);
    }

    /// Adds a completed part.
    pub fn finish_part(&self) {
        self.update(1, 0);
    }

    fn update(&self, parts: usize, rows: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += parts;
        state.rows += rows;
        let interval = if self.is_terminal { TERMINAL_INTERVAL } else { LOG_INTERVAL };
        if state.updated.elapsed() < interval {
            return;
        }
        state.updated = Instant::now();
        let text = format!(
            "{} of {}, {}",
            state.done,
            format_count(self.total as u64, "part"),
            format_count(state.rows, "row")
        );
        if self.is_terminal {
            state.is_visible = true;
            let _ = write!(io::stderr(), "\r\x1b[Kduo-metrics {}: {text}", self.command);
        } else {
            write_line(self.command, "progress", &text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.is_visible {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

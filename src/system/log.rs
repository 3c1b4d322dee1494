//! Messages on standard error while a command runs, and its error at the end: lines of text for
//! people, or JSON lines.

use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::ProgressBar;
use schemars::JsonSchema;
use serde::Serialize;

use crate::base::error::Error;
use crate::base::paint::Tone;
use crate::base::text::to_single_line;
use crate::system::terminal::stderr_painter;

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text
    Text,
    /// JSON lines: the summary is the one without a type
    Json,
}

/// How much the log contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors, and what changes the exit code.
    Quiet,
    /// Progress, notices and the summary, too.
    Normal,
    /// Every request, too.
    Verbose,
}

/// What a command writes to the log.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// The command.
    pub command: &'static str,
    /// The format of the log.
    pub format: LogFormat,
    /// How much it contains.
    pub verbosity: Verbosity,
}

/// The options of the running command. They are global, like standard error.
static OPTIONS: OnceLock<LogOptions> = OnceLock::new();

/// The last notice about a wait, so that several threads write it only once.
static LAST_WAIT: Mutex<String> = Mutex::new(String::new());

/// The progress bar on the screen, which a line must not tear.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Sets the options. Only the first call has an effect.
pub fn init(options: LogOptions) {
    let _ = OPTIONS.set(options);
}

/// The options of the running command.
pub(super) fn options() -> LogOptions {
    let default = LogOptions { command: "", format: LogFormat::Text, verbosity: Verbosity::Normal };
    OPTIONS.get().copied().unwrap_or(default)
}

/// Whether every request is logged.
pub fn is_verbose() -> bool {
    options().verbosity == Verbosity::Verbose
}

/// Writes a notice about the run.
pub fn notice(text: &str) {
    if options().verbosity > Verbosity::Quiet {
        write_line(text, |command, message| Notice { command, message });
    }
}

/// Writes why the command waits before the next attempt.
pub fn retry(reason: &str, attempt: u32, attempts: u32, pause: Duration) {
    wait(&format!("{reason}; retrying ({attempt} of {attempts}) in {} s", in_seconds(pause)));
}

/// Writes that the server asks for a pause before the next request.
pub fn pause(pause: Duration) {
    wait(&format!("GitLab's rate limit is used up; waiting {} s, as it asks", in_seconds(pause)));
}

/// Writes a notice about a wait. Identical consecutive notices are written once.
fn wait(text: &str) {
    let mut last = LAST_WAIT.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != text {
        notice(text);
        text.clone_into(&mut last);
    }
}

/// After a successful request: writes the next notice about a wait even if it equals the last one.
pub fn clear_wait() {
    LAST_WAIT.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Formats whole seconds, or milliseconds below one second: `4`, `0.25`.
fn in_seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{}", (duration.as_secs_f64() * 1_000.0).round() / 1_000.0),
        seconds => seconds.to_string(),
    }
}

/// Writes text, or the JSON line that is made of the command and the text.
pub fn write_line<T: Serialize>(text: &str, json: impl FnOnce(&'static str, String) -> T) {
    let LogOptions { command, format, .. } = options();
    let text = to_single_line(text);
    match format {
        LogFormat::Json => write(&json_line(&json(command, text))),
        LogFormat::Text => write(&format!("duo-metrics {command}: {text}\n")),
    }
}

pub(super) fn json_line(line: &impl Serialize) -> String {
    serde_json::to_string(line).unwrap_or_default() + "\n"
}

/// A notice while a command runs, on standard error with `--log-format json`: a wait, a retry, or
/// what the run will do.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "notice")]
pub struct Notice {
    /// The command.
    command: &'static str,
    /// The text.
    message: String,
}

/// An error, on standard error with `--log-format json`: the last line of a command that failed.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "error")]
pub struct ErrorReport<'a> {
    /// The command that failed; null if none was recognized.
    pub command: Option<&'a str>,
    /// What failed and where, mostly with the next step.
    pub message: &'a str,
    /// The exit code.
    pub code: i32,
    /// What to do about errors of this kind; absent if the message has all there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'a str>,
}

impl<'a> ErrorReport<'a> {
    /// The report of an error. `message` is its text.
    pub fn new(command: &'a str, error: &Error, message: &'a str) -> ErrorReport<'a> {
        ErrorReport { command: Some(command), message, code: error.code().into(), hint: error.hint() }
    }

    /// Writes it in a format.
    pub fn write(&self, format: LogFormat) {
        let message = &to_single_line(self.message);
        let line = match format {
            LogFormat::Text => {
                let command = self.command.map_or_else(String::new, |command| format!(" {command}"));
                let prefix = format!("duo-metrics{command}:");
                format!("{} {message}\n", stderr_painter().paint(Tone::Bad, &prefix))
            }
            LogFormat::Json => json_line(&ErrorReport { message, ..*self }),
        };
        write(&line);
    }
}

/// Keeps all further lines from tearing this bar.
pub(super) fn show_bar(bar: &ProgressBar) {
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
}

/// Clears the bar, if there is one.
pub(super) fn hide_bar() {
    let bar = BAR.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

/// Writes complete lines. Errors are ignored: standard error may be closed.
pub(super) fn write(lines: &str) {
    let write = || {
        let _ = io::stderr().write_all(lines.as_bytes());
    };
    let bar = BAR.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

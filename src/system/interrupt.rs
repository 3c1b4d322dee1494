//! Signals that end the process: temporary files are removed, and the log states how to continue.

use std::sync::{Mutex, PoisonError};

/// How to continue what the running command does, once that is known.
static RESUME: Mutex<Option<String>> = Mutex::new(None);

/// Sets what the log states if a signal ends the process.
pub fn on_interrupt(resume: String) {
    *RESUME.lock().unwrap_or_else(PoisonError::into_inner) = Some(resume);
}

/// Handles SIGHUP, SIGINT and SIGTERM from now on: removes temporary files, writes how to continue,
/// and ends the process by the signal, so that a shell reports 128 plus its number. A signal that
/// the process ignores stays ignored: `nohup` relies on that.
#[cfg(unix)]
pub fn watch() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let ignored = ignored_signals();
    let watched = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let Ok(mut signals) = Signals::new(watched) else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            super::temporary::remove_all();
            report(signal);
            if std::process::id() == 1 {
                // The first process of a container does not end by a signal that it sends itself.
                std::process::exit(128 + signal);
            }
            let _ = emulate_default_handler(signal);
        }
    });
}

/// Removes temporary files when a signal ends the process.
#[cfg(not(unix))]
pub fn watch() {}

/// Writes one line about the signal. Without anything to continue, text has none: anyone who pressed
/// Ctrl-C knows.
#[cfg(unix)]
fn report(signal: i32) {
    use super::log::{self, ErrorReport, LogFormat};

    let log::LogOptions { command, format, .. } = log::options();
    let resume = RESUME.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let message = match &resume {
        Some(resume) => format!("interrupted; {resume}"),
        None if format == LogFormat::Text => return,
        None => "interrupted".to_owned(),
    };
    log::hide_bar();
    let report = ErrorReport { command: Some(command), message: &message, code: 128 + signal, hint: None };
    report.write(format);
}

/// The signals that the process ignores, one bit each; 0 if the system does not report them.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

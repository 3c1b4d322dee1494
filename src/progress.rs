//! How far a long command is, on standard error: on a terminal all the time, in a log a line now and then.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::wording::counted;

/// How often a terminal is told.
const ON_TERMINAL: Duration = Duration::from_millis(200);

/// How often a log is told.
const IN_LOG: Duration = Duration::from_secs(60);

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
        Progress { command, total, is_terminal: io::stderr().is_terminal(), state: Mutex::new(state) }
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
            "duo-metrics {}: {} of {}, {}",
            self.command,
            state.done,
            counted(self.total as u64, "part"),
            counted(state.rows, "row")
        );
        // Standard error that is closed is nobody's business.
        let _ = match self.is_terminal {
            true => {
                state.is_shown = true;
                write!(io::stderr(), "\r\x1b[K{text}")
            }
            false => writeln!(io::stderr(), "{text}"),
        };
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

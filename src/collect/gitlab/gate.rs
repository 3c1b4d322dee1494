//! How many requests may be under way at once. The server decides: it is asked less when it pushes back or gets
//! slow, and more again when it answers.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An answer that takes longer than this is a sign of a server under load. GitLab itself gives up after 30 s.
const SLOW: Duration = Duration::from_secs(10);

/// Lets requests through, a changing number at a time.
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    most: f64,
}

struct State {
    /// Requests allowed at once. It falls by half and rises by one a round, as congestion control does.
    limit: f64,
    in_flight: usize,
    /// The server said that it answers nothing before.
    not_before: Option<Instant>,
}

/// The permission for one request, until it is dropped.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    since: Instant,
}

impl Gate {
    /// Lets at most this many through at once.
    pub(super) fn new(most: usize) -> Gate {
        let most = most.max(1) as f64;
        Gate {
            state: Mutex::new(State { limit: most, in_flight: 0, not_before: None }),
            changed: Condvar::new(),
            most,
        }
    }

    /// Waits until a request may be sent.
    pub(super) fn enter(&self) -> Pass<'_> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let wait =
                state.not_before.and_then(|at| at.checked_duration_since(now)).filter(|wait| !wait.is_zero());
            state = match wait {
                Some(wait) => {
                    self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None if (state.in_flight as f64) < state.limit.floor().max(1.0) => break,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.in_flight += 1;
        Pass { gate: self, since: Instant::now() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole at every moment, also when somebody panicked elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The server answered as it should. `rest` is how long it asks to be left alone, if it does.
    pub(super) fn answered(self, rest: Option<Duration>) {
        let mut state = self.gate.state();
        if self.since.elapsed() > SLOW {
            state.limit = (state.limit / 2.0).max(1.0);
        } else {
            state.limit = (state.limit + 1.0 / state.limit).min(self.gate.most);
        }
        state.rest(rest);
    }

    /// The server did not answer as it should, for a reason that is not its load.
    pub(super) fn failed(self, rest: Option<Duration>) {
        self.gate.state().rest(rest);
    }

    /// The server pushed back: too many requests, or too much work.
    pub(super) fn pushed_back(self, rest: Option<Duration>) {
        let mut state = self.gate.state();
        state.limit = (state.limit / 2.0).max(1.0);
        state.rest(rest);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.state().in_flight -= 1;
        self.gate.changed.notify_all();
    }
}

impl State {
    fn rest(&mut self, rest: Option<Duration>) {
        let until = rest.and_then(|rest| Instant::now().checked_add(rest));
        self.not_before = self.not_before.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_halves_when_the_server_pushes_back_and_comes_back_with_answers() {
        let gate = Gate::new(8);
        for expected in [4.0, 2.0, 1.0, 1.0] {
            gate.enter().pushed_back(None);
            assert_eq!(gate.state().limit, expected);
        }
        for _ in 0..40 {
            gate.enter().answered(None);
        }
        assert_eq!(gate.state().limit, 8.0);
        assert_eq!(gate.state().in_flight, 0);
    }

    #[test]
    fn nobody_passes_before_the_server_wants_to_be_asked() {
        let gate = Gate::new(2);
        gate.enter().pushed_back(Some(Duration::from_millis(30)));
        let asked = Instant::now();
        drop(gate.enter());
        assert!(asked.elapsed() >= Duration::from_millis(25));
    }

    #[test]
    fn no_more_than_the_limit_pass_at_once() {
        let gate = Gate::new(3);
        let most = Mutex::new((0, 0));
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    let pass = gate.enter();
                    let count = |change: i32| {
                        let mut most = most.lock().expect("no panic while held");
                        most.0 += change;
                        most.1 = most.1.max(most.0);
                    };
                    count(1);
                    std::thread::sleep(Duration::from_millis(3));
                    count(-1);
                    pass.answered(None);
                });
            }
        });
        assert_eq!(most.into_inner().expect("no panic while held"), (0, 3));
    }
}

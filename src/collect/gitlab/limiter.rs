//! Limits the number of concurrent requests. The limit falls when the server pushes back or gets
//! slow, and rises again with each answer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An answer that takes longer indicates a server under load. GitLab's own timeout is 30 s.
const SLOW_ANSWER: Duration = Duration::from_secs(10);

/// Grants permits for requests, a varying number at a time.
pub(super) struct ConcurrencyLimiter {
    state: Mutex<LimiterState>,
    changed: Condvar,
    max: f64,
}

struct LimiterState {
    /// Concurrent requests allowed. The limit halves on pushback and rises by one per round of
    /// answers (additive increase, multiplicative decrease, as in TCP congestion control).
    limit: f64,
    in_flight: usize,
    /// The server accepts no requests before this time.
    not_before: Option<Instant>,
}

/// The permission for one request. Dropping it ends the request.
pub(super) struct Permit<'a> {
    limiter: &'a ConcurrencyLimiter,
    since: Instant,
}

impl ConcurrencyLimiter {
    /// Allows at most `max` concurrent requests, and at least one.
    pub(super) fn new(max: usize) -> ConcurrencyLimiter {
        let max = max.max(1) as f64;
        ConcurrencyLimiter {
            state: Mutex::new(LimiterState { limit: max, in_flight: 0, not_before: None }),
            changed: Condvar::new(),
            max,
        }
    }

    /// Waits until a request may be sent.
    pub(super) fn acquire(&self) -> Permit<'_> {
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
        Permit { limiter: self, since: Instant::now() }
    }

    fn state(&self) -> MutexGuard<'_, LimiterState> {
        // Every update leaves the state consistent, even if a thread panics elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The server answered. `pause` is the pause that it requested, if any.
    pub(super) fn succeeded(self, pause: Option<Duration>) {
        let mut state = self.limiter.state();
        if self.since.elapsed() > SLOW_ANSWER {
            state.limit = (state.limit / 2.0).max(1.0);
        } else {
            state.limit = (state.limit + 1.0 / state.limit).min(self.limiter.max);
        }
        state.pause(pause);
    }

    /// The request failed for a reason other than the server's load.
    pub(super) fn failed(self, pause: Option<Duration>) {
        self.limiter.state().pause(pause);
    }

    /// The server pushed back: too many requests, or too much work.
    pub(super) fn pushed_back(self, pause: Option<Duration>) {
        let mut state = self.limiter.state();
        state.limit = (state.limit / 2.0).max(1.0);
        state.pause(pause);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.limiter.state().in_flight -= 1;
        self.limiter.changed.notify_all();
    }
}

impl LimiterState {
    fn pause(&mut self, pause: Option<Duration>) {
        let until = pause.and_then(|pause| Instant::now().checked_add(pause));
        self.not_before = self.not_before.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_the_limit_on_pushback_and_raises_it_on_answers() {
        let limiter = ConcurrencyLimiter::new(8);
        for expected in [4.0, 2.0, 1.0, 1.0] {
            limiter.acquire().pushed_back(None);
            assert_eq!(limiter.state().limit, expected);
        }
        for _ in 0..40 {
            limiter.acquire().succeeded(None);
        }
        assert_eq!(limiter.state().limit, 8.0);
        assert_eq!(limiter.state().in_flight, 0);
    }

    #[test]
    fn grants_no_permit_during_a_requested_pause() {
        let limiter = ConcurrencyLimiter::new(2);
        limiter.acquire().pushed_back(Some(Duration::from_millis(30)));
        let start = Instant::now();
        drop(limiter.acquire());
        assert!(start.elapsed() >= Duration::from_millis(25));
    }

    #[test]
    fn grants_no_more_permits_than_the_limit() {
        let limiter = ConcurrencyLimiter::new(3);
        let running = Mutex::new((0, 0));
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    let permit = limiter.acquire();
                    let count = |change: i32| {
                        let mut running = running.lock().expect("no panic while held");
                        running.0 += change;
                        running.1 = running.1.max(running.0);
                    };
                    count(1);
                    std::thread::sleep(Duration::from_millis(3));
                    count(-1);
                    permit.succeeded(None);
                });
            }
        });
        assert_eq!(running.into_inner().expect("no panic while held"), (0, 3));
    }
}

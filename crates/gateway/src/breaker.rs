//! A circuit breaker for one service: after some failures in a row it is left alone for a while, so that nobody waits for a vendor
//! that does not answer. After that time one question goes out; its answer closes the breaker, and until then, or until
//! the time has passed again, nothing else does.

use serde::Deserialize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// When a service is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerConfig {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long it stays open, from 1 to an hour.
    pub rest_ms: u64,
}

/// The breaker of one service; without a configuration it never opens.
#[derive(Debug)]
pub struct Breaker {
    config: Option<BreakerConfig>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    failures: u32,
    /// None is closed.
    open_until: Option<Instant>,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub const fn new(config: Option<BreakerConfig>) -> Self {
        Self {
            config,
            state: Mutex::new(State {
                failures: 0,
                open_until: None,
            }),
        }
    }

    /// Whether the service may be asked at `now`. When its rest is over this says so once, and not again for as long.
    pub fn admits(&self, now: Instant) -> bool {
        let Some(config) = self.config else { return true };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + Duration::from_millis(config.rest_ms));
                true
            }
            None => true,
        }
    }

    /// The service works.
    pub fn succeeded(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// The service failed; whether that opened the breaker.
    pub fn failed(&self, now: Instant) -> bool {
        let Some(config) = self.config else { return false };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        let opens = state.failures >= config.failures && state.open_until.is_none();
        if opens {
            state.open_until = Some(now + Duration::from_millis(config.rest_ms));
        }
        opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: BreakerConfig = BreakerConfig {
        failures: 3,
        rest_ms: 1000,
    };

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn opens_after_failures_in_a_row_and_closes_by_an_answer() {
        let (breaker, start) = (Breaker::new(Some(CONFIG)), Instant::now());
        assert!(!breaker.failed(start) && !breaker.failed(start));
        breaker.succeeded();
        assert!(!breaker.failed(start) && !breaker.failed(start));
        assert!(
            breaker.admits(start),
            "an answer between them starts the count anew"
        );
        assert!(breaker.failed(start));
        assert!(
            !breaker.failed(start),
            "what was asked before it opened tells nothing new"
        );
        assert!(!breaker.admits(at(start, 999)));
        assert!(breaker.admits(at(start, 1000)), "one question after the rest");
        assert!(!breaker.admits(at(start, 1000)), "and no second one");
        breaker.succeeded();
        assert!(breaker.admits(at(start, 1001)) && breaker.admits(at(start, 1001)));
    }

    #[test]
    fn a_failed_trial_or_one_without_an_end_rests_again() {
        let (breaker, start) = (Breaker::new(Some(CONFIG)), Instant::now());
        let opened = (0..3).filter(|_| breaker.failed(start)).count();
        assert_eq!(opened, 1);
        assert!(breaker.admits(at(start, 1500)));
        breaker.failed(at(start, 1600));
        assert!(!breaker.admits(at(start, 2499)));
        assert!(breaker.admits(at(start, 2500)));
        assert!(!breaker.admits(at(start, 3499)), "its question was given up");
        assert!(breaker.admits(at(start, 3500)));
    }

    #[test]
    fn without_a_configuration_it_never_opens() {
        let (breaker, now) = (Breaker::new(None), Instant::now());
        assert!((0..1000).all(|_| !breaker.failed(now) && breaker.admits(now)));
    }
}

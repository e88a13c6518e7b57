//! A circuit breaker. After a failure, one request per interval tries the server; the others don't wait for it.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Between two warnings.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker {
    /// The fast path while the server responds.
    is_failing: AtomicBool,
    state: Mutex<BreakerState>,
}

#[derive(Debug, Default)]
struct BreakerState {
    next_try: Option<Instant>,
    warned: Option<Instant>,
}

impl CircuitBreaker {
    /// Whether to ask the server now. The caller then reports `success` or `failure`.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        if !self.is_failing.load(Relaxed) {
            return true;
        }
        let mut state = self.state();
        if state.next_try.is_some_and(|at| now < at) {
            return false;
        }
        state.next_try = Some(now + RETRY_INTERVAL);
        true
    }

    /// The server has responded.
    pub(crate) fn success(&self) {
        if self.is_failing.swap(false, Relaxed) {
            tracing::info!("Redis responds: limits are counted there again");
        }
    }

    /// The server has not responded; logs a warning per interval.
    pub(crate) fn failure(&self, now: Instant, reason: &dyn Display) {
        let mut state = self.state();
        state.next_try = Some(now + RETRY_INTERVAL);
        self.is_failing.store(true, Relaxed);
        if state.warned.is_none_or(|at| now >= at + WARNING_INTERVAL) {
            state.warned = Some(now);
            tracing::warn!(%reason, "Redis does not respond: each process counts limits by itself");
        }
    }

    fn state(&self) -> MutexGuard<'_, BreakerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tries_in_a_while_until_all_is_well() {
        let breaker = CircuitBreaker::default();
        let now = Instant::now();
        assert!(breaker.allows(now) && breaker.allows(now));
        breaker.failure(now, &"away");
        assert!(!breaker.allows(now));
        let later = now + RETRY_INTERVAL;
        assert!(breaker.allows(later), "one tries");
        assert!(!breaker.allows(later), "the others don't");
        breaker.failure(later, &"still away");
        assert!(!breaker.allows(later));
        assert!(breaker.allows(later + RETRY_INTERVAL));
        breaker.success();
        assert!(breaker.allows(later) && breaker.allows(later));
    }
}

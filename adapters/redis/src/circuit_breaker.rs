//! Whether the server is worth asking. After a failure one request in a while tries; the others do not wait for it.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two warnings.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker {
    /// For whoever asks while all is well.
    is_failing: AtomicBool,
    trouble: Mutex<RedisError>,
}

#[derive(Debug, Default)]
struct RedisError {
    next_try: Option<Instant>,
    warned: Option<Instant>,
}

impl CircuitBreaker {
    /// Whether to ask now. Whoever is told so has to say what came of it.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        if !self.is_failing.load(Relaxed) {
            return true;
        }
        let mut trouble = self.trouble();
        if trouble.next_try.is_some_and(|at| now < at) {
            return false;
        }
        trouble.next_try = Some(now + PAUSE);
        true
    }

    /// It has answered.
    pub(crate) fn success(&self) {
        if self.is_failing.swap(false, Relaxed) {
            tracing::info!("Redis answers: limits are counted there again");
        }
    }

    /// It has not; now and then that is said.
    pub(crate) fn failure(&self, now: Instant, reason: &dyn Display) {
        let mut trouble = self.trouble();
        trouble.next_try = Some(now + PAUSE);
        self.is_failing.store(true, Relaxed);
        if trouble.warned.is_none_or(|at| now >= at + SILENCE) {
            trouble.warned = Some(now);
            tracing::warn!(%reason, "Redis does not answer: limits are counted by each process for itself");
        }
    }

    fn trouble(&self) -> MutexGuard<'_, RedisError> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
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
        let later = now + PAUSE;
        assert!(breaker.allows(later), "one tries");
        assert!(!breaker.allows(later), "the others don't");
        breaker.failure(later, &"still away");
        assert!(!breaker.allows(later));
        assert!(breaker.allows(later + PAUSE));
        breaker.success();
        assert!(breaker.allows(later) && breaker.allows(later));
    }
}

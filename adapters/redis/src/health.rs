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
pub(crate) struct Health {
    /// For whoever asks while all is well.
    ill: AtomicBool,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    next_try: Option<Instant>,
    warned: Option<Instant>,
}

impl Health {
    /// Whether to ask now. Whoever is told so has to say what came of it.
    pub(crate) fn is_worth_asking(&self, now: Instant) -> bool {
        if !self.ill.load(Relaxed) {
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
    pub(crate) fn well(&self) {
        if self.ill.swap(false, Relaxed) {
            tracing::info!("Redis answers: limits are counted there again");
        }
    }

    /// It has not; now and then that is said.
    pub(crate) fn ill(&self, now: Instant, reason: &dyn Display) {
        let mut trouble = self.trouble();
        trouble.next_try = Some(now + PAUSE);
        self.ill.store(true, Relaxed);
        if trouble.warned.is_none_or(|at| now >= at + SILENCE) {
            trouble.warned = Some(now);
            tracing::warn!(%reason, "Redis does not answer: limits are counted by each process for itself");
        }
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tries_in_a_while_until_all_is_well() {
        let health = Health::default();
        let now = Instant::now();
        assert!(health.is_worth_asking(now) && health.is_worth_asking(now));
        health.ill(now, &"away");
        assert!(!health.is_worth_asking(now));
        let later = now + PAUSE;
        assert!(health.is_worth_asking(later), "one tries");
        assert!(!health.is_worth_asking(later), "the others don't");
        health.ill(later, &"still away");
        assert!(!health.is_worth_asking(later));
        assert!(health.is_worth_asking(later + PAUSE));
        health.well();
        assert!(health.is_worth_asking(later) && health.is_worth_asking(later));
    }
}

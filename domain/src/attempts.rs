//! Log-ins that failed, by the address that somebody tried: the more in a row, the longer the wait. An address that has no
//! account is counted like one that has.

use std::time::Duration;

use crate::Timestamp;
use crate::policy::AccessRules;

/// The failed log-ins in a row under one e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// A digest of the e-mail address.
    pub key: u128,
    pub failed: u32,
    pub last_failed_at: Timestamp,
    pub version: u64,
}

impl Attempts {
    /// Nothing has failed yet.
    #[must_use]
    pub const fn none(key: u128, now: Timestamp) -> Self {
        Self {
            key,
            failed: 0,
            last_failed_at: now,
            version: 1,
        }
    }

    /// Until when nobody is let in, if that is so: after a few failures for a moment that doubles, after many for long.
    #[must_use]
    pub fn closed_until(&self, rules: &AccessRules) -> Option<Timestamp> {
        if self.is_locked(rules) {
            return Some(self.last_failed_at.after(rules.lock_lasts));
        }
        let beyond = self.failed.checked_sub(rules.free_failures.max(1))?;
        let wait = Duration::from_secs(1u64.checked_shl(beyond).unwrap_or(u64::MAX));
        Some(self.last_failed_at.after(wait.min(rules.longest_wait)))
    }

    /// Whether so many have failed that only the owner's way out, or much time, helps.
    #[must_use]
    pub const fn is_locked(&self, rules: &AccessRules) -> bool {
        rules.lock_after > 0 && self.failed >= rules.lock_after
    }

    /// How long to wait still, if at all.
    #[must_use]
    pub fn wait(&self, rules: &AccessRules, now: Timestamp) -> Option<Duration> {
        let wait = self.closed_until(rules)?.since(now);
        (wait > Duration::ZERO).then_some(wait)
    }

    /// One more. A lock that has run out leaves one try before the next.
    #[must_use]
    pub fn one_more(self, now: Timestamp) -> Self {
        Self {
            failed: self.failed.saturating_add(1),
            last_failed_at: now,
            version: self.version + 1,
            ..self
        }
    }

    /// Somebody has proved who they are.
    #[must_use]
    pub const fn forgiven(self) -> Self {
        if self.failed == 0 {
            return self;
        }
        Self {
            failed: 0,
            version: self.version + 1,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    #[test]
    fn waits_double_up_to_the_longest_and_then_comes_the_lock() {
        let rules = AccessRules {
            free_failures: 3,
            longest_wait: Duration::from_secs(5),
            lock_after: 8,
            lock_lasts: Duration::from_secs(100),
            ..AccessRules::default()
        };
        let mut attempts = Attempts::none(7, NOW);
        let mut waits = vec![];
        for _ in 0..9 {
            attempts = attempts.one_more(NOW);
            let wait = attempts.wait(&rules, NOW);
            waits.push(wait.map_or(0, |wait| wait.as_secs()));
        }
        assert_eq!(waits, [0, 0, 1, 2, 4, 5, 5, 100, 100]);
        assert!(attempts.is_locked(&rules));
        assert_eq!(attempts.wait(&rules, NOW.after(rules.lock_lasts)), None);
        assert_eq!(attempts.forgiven().wait(&rules, NOW), None);
    }

    #[test]
    fn no_number_of_failures_overflows() {
        let attempts = Attempts {
            failed: u32::MAX,
            ..Attempts::none(7, NOW)
        };
        let rules = AccessRules {
            lock_after: 0,
            ..AccessRules::default()
        };
        let attempts = attempts.one_more(NOW);
        assert_eq!(attempts.wait(&rules, NOW), Some(rules.longest_wait));
    }
}

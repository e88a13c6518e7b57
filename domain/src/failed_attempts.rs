//! Failed log-ins, by the tried address and by their source: the more in a row, the longer the wait.
//! An address that has no account is counted like one that has.

use std::time::Duration;

use crate::Timestamp;
use crate::policy::AccessRules;

/// The failed log-ins in a row under one e-mail address, or from one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempts {
    /// A digest of what they are counted under.
    pub key: u128,
    pub failed: u32,
    pub last_failed_at: Timestamp,
    pub version: u64,
}

/// The longest wait because of other clients at the same source.
const LONGEST_FOR_OTHERS: Duration = Duration::from_secs(60);

impl FailedAttempts {
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

    /// The end of the wait or lock of an address, if there is one: after a few failures a short wait that doubles,
    /// after many a long lock.
    #[must_use]
    pub fn closed_until(&self, rules: &AccessRules) -> Option<Timestamp> {
        if self.is_locked(rules) {
            return Some(self.last_failed_at.after(rules.lock_lasts));
        }
        self.doubling(rules.free_failures.max(1), rules.longest_wait)
    }

    /// The end of the wait of a source, if there is one: after more failures than one person makes, a short wait that
    /// doubles, and never a long one, since other users may share the source.
    #[must_use]
    pub fn source_closed_until(&self, rules: &AccessRules) -> Option<Timestamp> {
        match rules.free_failures_per_source {
            0 => None,
            free => self.doubling(free, rules.longest_wait.min(LONGEST_FOR_OTHERS)),
        }
    }

    /// A second after this many failures, and twice as long after each further one.
    fn doubling(&self, free: u32, longest: Duration) -> Option<Timestamp> {
        let beyond = self.failed.checked_sub(free)?;
        let wait = Duration::from_secs(1u64.checked_shl(beyond).unwrap_or(u64::MAX));
        Some(self.last_failed_at.after(wait.min(longest)))
    }

    /// Whether so many have failed that only the owner's way out, or much time, helps.
    #[must_use]
    pub const fn is_locked(&self, rules: &AccessRules) -> bool {
        rules.lock_after > 0 && self.failed >= rules.lock_after
    }

    /// How long to wait still, if at all.
    #[must_use]
    pub fn wait(&self, rules: &AccessRules, now: Timestamp) -> Option<Duration> {
        still(self.closed_until(rules)?, now)
    }

    /// How long clients from this source have to wait still, if at all.
    #[must_use]
    pub fn wait_of_source(&self, rules: &AccessRules, now: Timestamp) -> Option<Duration> {
        still(self.source_closed_until(rules)?, now)
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

    /// One more from a source. Each minute since the last one takes one back: where many people are, some fail all day long.
    #[must_use]
    pub fn one_more_from_source(self, now: Timestamp) -> Self {
        let minutes = now.since(self.last_failed_at).as_secs() / 60;
        let past = u32::try_from(minutes).unwrap_or(u32::MAX);
        let failed = self.failed.saturating_sub(past);
        Self { failed, ..self }.one_more(now)
    }

    /// Takes back the failures that an authenticated user made. Others stay, since an attacker may have an account, too.
    #[must_use]
    pub const fn less(self, count: u32) -> Self {
        Self {
            failed: self.failed.saturating_sub(count),
            version: self.version + 1,
            ..self
        }
    }

    /// A successful proof resets the count.
    #[must_use]
    pub const fn reset(self) -> Self {
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

fn still(closed_until: Timestamp, now: Timestamp) -> Option<Duration> {
    let wait = closed_until.since(now);
    (wait > Duration::ZERO).then_some(wait)
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
        let mut attempts = FailedAttempts::none(7, NOW);
        let mut waits = vec![];
        for _ in 0..9 {
            attempts = attempts.one_more(NOW);
            let wait = attempts.wait(&rules, NOW);
            waits.push(wait.map_or(0, |wait| wait.as_secs()));
        }
        assert_eq!(waits, [0, 0, 1, 2, 4, 5, 5, 100, 100]);
        assert!(attempts.is_locked(&rules));
        assert_eq!(attempts.wait(&rules, NOW.after(rules.lock_lasts)), None);
        assert_eq!(attempts.reset().wait(&rules, NOW), None);
    }

    #[test]
    fn a_source_waits_later_and_never_for_long() {
        let rules = AccessRules {
            free_failures_per_source: 4,
            lock_after: 5,
            ..AccessRules::default()
        };
        let mut attempts = FailedAttempts::none(7, NOW);
        let mut waits = vec![];
        for _ in 0..12 {
            attempts = attempts.one_more_from_source(NOW);
            let wait = attempts.wait_of_source(&rules, NOW);
            waits.push(wait.map_or(0, |wait| wait.as_secs()));
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(attempts.less(8).failed, 4);
        assert_eq!(attempts.less(9).wait_of_source(&rules, NOW), None);
        let minutes = |count: u64| NOW.after(Duration::from_secs(60 * count));
        assert_eq!(attempts.one_more_from_source(minutes(1)).failed, 12);
        assert_eq!(attempts.one_more_from_source(minutes(3)).failed, 10);
        assert_eq!(attempts.one_more_from_source(minutes(99)).failed, 1);
        let never = AccessRules {
            free_failures_per_source: 0,
            ..rules
        };
        assert_eq!(attempts.wait_of_source(&never, NOW), None);
    }

    #[test]
    fn no_number_of_failures_overflows() {
        let attempts = FailedAttempts {
            failed: u32::MAX,
            ..FailedAttempts::none(7, NOW)
        };
        let rules = AccessRules {
            lock_after: 0,
            ..AccessRules::default()
        };
        let attempts = attempts.one_more(NOW);
        assert_eq!(attempts.wait(&rules, NOW), Some(rules.longest_wait));
    }
}

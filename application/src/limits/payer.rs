//! The rate limit of payments from one account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use p2p_domain::{AccountId, Policy, Timestamp, UserId};

use super::gcra;
use crate::ports::Quota;

/// Full quotas are forgotten once this many payers are known, and again each time that their number has doubled.
const FIRST_SWEEP: usize = 65_536;

/// Counts the payments of each caller from each account, in this process. One caller can't exhaust the quota of another.
#[derive(Debug, Clone)]
pub struct PayerLimits {
    /// `None`: no limit.
    quota: Option<Quota>,
    payers: Arc<Mutex<Payers>>,
}

#[derive(Debug)]
struct Payers {
    /// When the quota of each is full again.
    full_at: HashMap<(UserId, AccountId), Timestamp>,
    /// The number of payers at which full quotas are forgotten next.
    sweep_at: usize,
}

impl PayerLimits {
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        Self {
            quota: Quota::new(
                policy.payments_per_minute,
                Duration::from_secs(60),
                policy.payments_at_once,
            ),
            payers: Arc::new(Mutex::new(Payers {
                full_at: HashMap::new(),
                sweep_at: FIRST_SWEEP,
            })),
        }
    }

    /// Counts one more payment, if the quota allows it.
    #[must_use]
    pub fn admits(&self, payer: UserId, account: AccountId, now: Timestamp) -> bool {
        let Some(quota) = self.quota else { return true };
        let mut payers = self.payers.lock().unwrap_or_else(PoisonError::into_inner);
        if payers.full_at.len() >= payers.sweep_at {
            payers.full_at.retain(|_, at| *at > now);
            payers.sweep_at = FIRST_SWEEP.max(payers.full_at.len() * 2);
        }
        let at = payers.full_at.entry((payer, account)).or_insert(now);
        let (answer, full_at) = gcra::acquire(*at, quota, now);
        *at = full_at;
        answer.admitted
    }

    /// Returns a counted payment that was not made, or was counted before.
    pub fn give_back(&self, payer: UserId, account: AccountId) {
        let Some(quota) = self.quota else { return };
        let mut payers = self.payers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = payers.full_at.get_mut(&(payer, account)) {
            *at = at.before(quota.interval());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::TypedId;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn limits(payments_per_minute: u32, payments_at_once: u32) -> PayerLimits {
        PayerLimits::new(&Policy {
            payments_per_minute,
            payments_at_once,
            ..Policy::default()
        })
    }

    fn admitted(limits: &PayerLimits, payer: u128, now: Timestamp) -> usize {
        let (payer, account) = (UserId::from_u128(payer), AccountId::from_u128(7));
        (0..100)
            .filter(|_| limits.admits(payer, account, now))
            .count()
    }

    #[test]
    fn a_burst_is_admitted_and_then_so_many_a_minute() {
        let limits = limits(60, 5);
        assert_eq!(admitted(&limits, 1, NOW), 5);
        assert_eq!(admitted(&limits, 1, NOW.after(Duration::from_secs(3))), 3);
        assert_eq!(admitted(&limits, 1, NOW.after(Duration::from_secs(99))), 5);
        // Other callers have their own quota.
        assert_eq!(admitted(&limits, 2, NOW), 5);
    }

    #[test]
    fn a_returned_payment_does_not_count() {
        let limits = limits(60, 5);
        let (payer, account) = (UserId::from_u128(1), AccountId::from_u128(7));
        for _ in 0..100 {
            assert!(limits.admits(payer, account, NOW));
            limits.give_back(payer, account);
        }
        assert_eq!(admitted(&limits, 1, NOW), 5);
    }

    #[test]
    fn zero_is_no_limit() {
        assert_eq!(admitted(&limits(0, 1), 1, NOW), 100);
    }
}

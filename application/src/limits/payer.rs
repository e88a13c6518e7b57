//! How often one account may pay.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use p2p_domain::{AccountId, Policy, Timestamp, UserId};

use super::gcra;
use crate::ports::Quota;

/// Whoever is at rest is forgotten once there are so many, and again each time that there are twice as many as then.
const MANY: usize = 65_536;

/// Counts payments by who makes them from which account, in this process. Nobody can use up what another may pay.
#[derive(Debug, Clone)]
pub struct PayerLimits {
    /// `None`: no limit.
    quota: Option<Quota>,
    payers: Arc<Mutex<Payers>>,
}

#[derive(Debug)]
struct Payers {
    /// When each will have rested from the payments so far.
    rested: HashMap<(UserId, AccountId), Timestamp>,
    /// How many there are when those at rest are forgotten next.
    most: usize,
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
                rested: HashMap::new(),
                most: MANY,
            })),
        }
    }

    /// Counts one more payment, if there is room for it.
    #[must_use]
    pub fn admits(&self, payer: UserId, account: AccountId, now: Timestamp) -> bool {
        let Some(quota) = self.quota else { return true };
        let mut payers = self.payers.lock().unwrap_or_else(PoisonError::into_inner);
        if payers.rested.len() >= payers.most {
            payers.rested.retain(|_, at| *at > now);
            payers.most = MANY.max(payers.rested.len() * 2);
        }
        let at = payers.rested.entry((payer, account)).or_insert(now);
        let (answer, rested) = gcra::take(*at, quota, now);
        *at = rested;
        answer.admitted
    }

    /// What was counted came to nothing, or had been counted before.
    pub fn give_back(&self, payer: UserId, account: AccountId) {
        let Some(quota) = self.quota else { return };
        let mut payers = self.payers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = payers.rested.get_mut(&(payer, account)) {
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
        // Others have their own.
        assert_eq!(admitted(&limits, 2, NOW), 5);
    }

    #[test]
    fn what_came_to_nothing_does_not_count() {
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

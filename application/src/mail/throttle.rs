//! The rate limit of mail that a stranger can trigger: without it a stranger could flood a mailbox. Each process counts for
//! itself, because mail waits in the process that sends it.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use p2p_domain::{Timestamp, UserId};

use super::MailTemplate;
use crate::limits::gcra;
use crate::ports::Quota;

/// This many mails at once, and one more after each interval.
const BURST: u32 = 5;
const INTERVAL: Duration = Duration::from_secs(10 * 60);

/// How many pairs of recipient and kind are remembered.
const CAPACITY: usize = 1 << 16;

/// When the quota of each recipient and kind is full again.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<(UserId, Discriminant<MailTemplate>), Timestamp>>);

impl Throttle {
    /// Counts one more mail, if the quota allows it.
    pub(super) fn admits(&self, user: UserId, template: &MailTemplate, now: Timestamp) -> bool {
        let Some(quota) = Quota::new(1, INTERVAL, BURST) else {
            return true;
        };
        let key = (user, discriminant(template));
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= CAPACITY && !full_at.contains_key(&key) {
            full_at.retain(|_, at| *at > now);
            if full_at.len() >= CAPACITY {
                // Bounded memory matters more than a few extra mails.
                full_at.clear();
            }
        }
        let at = full_at.entry(key).or_insert(now);
        let (allowance, then) = gcra::acquire(*at, quota, now);
        *at = then;
        allowance.admitted
    }
}

#[cfg(test)]
mod tests {
    use p2p_domain::TypedId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn reset() -> MailTemplate {
        MailTemplate::ResetPassword {
            token: String::new(),
        }
    }

    #[test]
    fn a_few_come_at_once_and_then_one_every_ten_minutes() {
        let throttle = Throttle::default();
        let (anna, boris) = (UserId::from_u128(1), UserId::from_u128(2));
        let many = |now| {
            (0..20)
                .filter(|_| throttle.admits(anna, &reset(), now))
                .count()
        };
        assert_eq!(many(NOW), 5);
        assert_eq!(many(NOW.after(INTERVAL)), 1);
        assert_eq!(many(NOW.after(INTERVAL * 3)), 2);
        assert_eq!(many(NOW.after(INTERVAL * 100)), 5);
        // Other recipients and other kinds have their own quotas.
        let locked = MailTemplate::Locked {
            token: String::new(),
        };
        assert!(throttle.admits(anna, &locked, NOW));
        assert!(throttle.admits(boris, &reset(), NOW));
    }

    #[test]
    fn the_number_of_remembered_recipients_is_bounded() {
        let throttle = Throttle::default();
        let ask = |users: std::ops::Range<usize>, now| {
            for user in users {
                let user = UserId::from_u128(user as u128);
                assert!(throttle.admits(user, &reset(), now));
            }
            throttle.0.lock().unwrap().len()
        };
        assert_eq!(ask(0..CAPACITY, NOW), CAPACITY);
        // Full quotas are forgotten.
        assert_eq!(ask(CAPACITY..CAPACITY + 1, NOW.after(INTERVAL)), 1);
        assert!(ask(0..3 * CAPACITY, NOW) <= CAPACITY);
    }
}

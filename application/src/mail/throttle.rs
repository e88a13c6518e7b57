//! How often somebody gets mail of a kind that strangers can have sent: otherwise anybody could fill anybody's mailbox. It is
//! counted by this process alone, as mail waits in it alone.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use p2p_domain::{Timestamp, UserId};

use super::MailTemplate;
use crate::limits::gcra;
use crate::ports::Quota;

/// So many at once, and one more after each interval.
const BURST: u32 = 5;
const INTERVAL: Duration = Duration::from_secs(10 * 60);

/// How many receivers and kinds are remembered.
const MOST: usize = 1 << 16;

/// By receiver and kind: when they will have rested from what they got.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<(UserId, Discriminant<MailTemplate>), Timestamp>>);

impl Throttle {
    /// Whether they may get one more now.
    pub(super) fn admits(&self, user: UserId, template: &MailTemplate, now: Timestamp) -> bool {
        let Some(quota) = Quota::new(1, INTERVAL, BURST) else {
            return true;
        };
        let key = (user, discriminant(template));
        let mut rested = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rested.len() >= MOST && !rested.contains_key(&key) {
            rested.retain(|_, at| *at > now);
            if rested.len() >= MOST {
                // Memory is worth more than that so many at once don't get one mail more.
                rested.clear();
            }
        }
        let at = rested.entry(key).or_insert(now);
        let (allowance, then) = gcra::take(*at, quota, now);
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
        // Neither others nor other kinds are affected.
        let locked = MailTemplate::Locked {
            token: String::new(),
        };
        assert!(throttle.admits(anna, &locked, NOW));
        assert!(throttle.admits(boris, &reset(), NOW));
    }

    #[test]
    fn however_many_receivers_there_are_few_are_remembered() {
        let throttle = Throttle::default();
        let ask = |users: std::ops::Range<usize>, now| {
            for user in users {
                let user = UserId::from_u128(user as u128);
                assert!(throttle.admits(user, &reset(), now));
            }
            throttle.0.lock().unwrap().len()
        };
        assert_eq!(ask(0..MOST, NOW), MOST);
        // Those at rest are forgotten.
        assert_eq!(ask(MOST..MOST + 1, NOW.after(INTERVAL)), 1);
        assert!(ask(0..3 * MOST, NOW) <= MOST);
    }
}

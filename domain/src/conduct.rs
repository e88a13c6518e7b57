//! How a customer behaves: whoever calls off deal after deal, or never pays, has to pause.

use std::time::Duration;

use crate::policy::Limits;
use crate::{Refusal, Timestamp, UserId};

/// Cancellations within one of these are counted together.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is remembered of a customer's cancellations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conduct {
    pub user: UserId,
    /// Deals called off since the day began.
    pub cancels: u32,
    /// When the first of them was.
    pub counted_from: Timestamp,
    /// Until then no new offers.
    pub paused_until: Option<Timestamp>,
    pub version: u64,
}

impl Conduct {
    /// Nothing to remember yet.
    #[must_use]
    pub const fn new(user: UserId, now: Timestamp) -> Self {
        Self {
            user,
            cancels: 0,
            counted_from: now,
            paused_until: None,
            version: 1,
        }
    }

    /// One more deal was called off. The one beyond the limit begins a pause, after which the count starts anew.
    #[must_use]
    pub fn cancelled(self, limits: &Limits, now: Timestamp) -> Self {
        let same_day = now < self.counted_from.after(DAY);
        let (cancels, counted_from) = if same_day {
            (self.cancels.saturating_add(1), self.counted_from)
        } else {
            (1, now)
        };
        let pauses = limits.cancels_per_day > 0 && cancels > limits.cancels_per_day;
        Self {
            cancels: if pauses { 0 } else { cancels },
            counted_from,
            paused_until: if pauses {
                Some(now.after(limits.cancel_pause))
            } else {
                self.paused_until
            },
            version: self.version + 1,
            ..self
        }
    }

    /// Refused during a pause.
    pub fn may_offer(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.paused_until {
            Some(until) if now < until => Err(Refusal::CancelledTooOften { until }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TypedId;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn limits() -> Limits {
        Limits {
            cancels_per_day: 2,
            cancel_pause: Duration::from_secs(60),
            ..Limits::default()
        }
    }

    fn new() -> Conduct {
        Conduct::new(UserId::from_u128(1), NOW)
    }

    #[test]
    fn the_one_beyond_the_limit_begins_a_pause() {
        let twice = new().cancelled(&limits(), NOW).cancelled(&limits(), NOW);
        assert_eq!(twice.may_offer(NOW), Ok(()));
        let thrice = twice.cancelled(&limits(), NOW);
        let until = NOW.after(Duration::from_secs(60));
        let refused = Err(Refusal::CancelledTooOften { until });
        assert_eq!(
            thrice.may_offer(until.before(Duration::from_micros(1))),
            refused
        );
        assert_eq!(thrice.may_offer(until), Ok(()));
        assert_eq!(
            thrice.cancelled(&limits(), until).cancels,
            1,
            "counted anew"
        );
    }

    #[test]
    fn another_day_is_counted_for_itself_and_zero_is_no_limit() {
        let twice = new().cancelled(&limits(), NOW).cancelled(&limits(), NOW);
        let next_day = twice.cancelled(&limits(), NOW.after(DAY));
        assert_eq!((next_day.cancels, next_day.paused_until), (1, None));
        let endless = Limits {
            cancels_per_day: 0,
            ..limits()
        };
        let often = (0..100).fold(new(), |conduct, _| conduct.cancelled(&endless, NOW));
        assert_eq!(often.may_offer(NOW), Ok(()));
    }
}

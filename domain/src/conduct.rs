//! A customer's cancellations: a customer that cancels too many deals, or leaves them unpaid, has to pause.

use std::fmt;
use std::time::Duration;

use crate::policy::Limits;
use crate::{Timestamp, UserId};

/// The span within which cancellations are counted together.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A customer's recent cancellations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conduct {
    pub user: UserId,
    /// Deals cancelled since `counted_from`.
    pub cancels: u32,
    /// The time of the first of them.
    pub counted_from: Timestamp,
    /// The customer may make no offers before this time.
    pub paused_until: Option<Timestamp>,
    pub version: u64,
}

/// Why a customer may make no offers for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConductRefusal {
    /// The customer has cancelled too many deals.
    CancelledTooOften { until: Timestamp },
}

impl ConductRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CancelledTooOften { .. } => "CANCELLED_TOO_OFTEN",
        }
    }
}

impl fmt::Display for ConductRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CancelledTooOften { until } => {
                write!(
                    f,
                    "too many deals were cancelled: no new offers until {until}"
                )
            }
        }
    }
}

impl std::error::Error for ConductRefusal {}

impl Conduct {
    /// A customer without cancellations.
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

    /// Counts one more cancelled deal. The one above the limit starts a pause and resets the count.
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
    pub fn may_offer(&self, now: Timestamp) -> Result<(), ConductRefusal> {
        match self.paused_until {
            Some(until) if now < until => Err(ConductRefusal::CancelledTooOften { until }),
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
    fn the_cancellation_above_the_limit_starts_a_pause() {
        let twice = new().cancelled(&limits(), NOW).cancelled(&limits(), NOW);
        assert_eq!(twice.may_offer(NOW), Ok(()));
        let thrice = twice.cancelled(&limits(), NOW);
        let until = NOW.after(Duration::from_secs(60));
        let refused = Err(ConductRefusal::CancelledTooOften { until });
        assert_eq!(
            thrice.may_offer(until.before(Duration::from_micros(1))),
            refused
        );
        assert_eq!(thrice.may_offer(until), Ok(()));
        assert_eq!(
            thrice.cancelled(&limits(), until).cancels,
            1,
            "the count starts again"
        );
    }

    #[test]
    fn each_day_is_counted_separately_and_zero_means_no_limit() {
        let twice = new().cancelled(&limits(), NOW).cancelled(&limits(), NOW);
        let next_day = twice.cancelled(&limits(), NOW.after(DAY));
        assert_eq!((next_day.cancels, next_day.paused_until), (1, None));
        let unlimited = Limits {
            cancels_per_day: 0,
            ..limits()
        };
        let often = (0..100).fold(new(), |conduct, _| conduct.cancelled(&unlimited, NOW));
        assert_eq!(often.may_offer(NOW), Ok(()));
    }
}

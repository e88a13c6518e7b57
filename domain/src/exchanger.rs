//! Exchangers: their online switch, and the freeze of those that leave offers unanswered.

use std::fmt;

use crate::stamped::Stamped;
use crate::{Timestamp, UserId};

/// What the market keeps about an exchanger beyond the user account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchanger {
    pub user: UserId,
    /// The exchanger's own switch; only online exchangers get offers.
    pub online: bool,
    /// Offers left unanswered in a row while online.
    pub unanswered: u32,
    /// Since when the account is frozen, if it is.
    pub frozen_at: Option<Timestamp>,
    pub version: u64,
}

/// An event of an exchanger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangerEvent {
    Frozen { exchanger: UserId, unanswered: u32 },
    Unfrozen { exchanger: UserId, by: UserId },
}

impl ExchangerEvent {
    /// The exchanger that it is about.
    #[must_use]
    pub const fn exchanger(&self) -> UserId {
        match self {
            Self::Frozen { exchanger, .. } | Self::Unfrozen { exchanger, .. } => *exchanger,
        }
    }
}

/// Why an exchanger can't trade just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangerRefusal {
    Offline,
    Frozen,
}

impl ExchangerRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Offline => "EXCHANGER_OFFLINE",
            Self::Frozen => "EXCHANGER_FROZEN",
        }
    }
}

impl fmt::Display for ExchangerRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offline => f.write_str("the exchanger is offline"),
            Self::Frozen => {
                f.write_str("the exchanger is frozen until a moderator lifts the freeze")
            }
        }
    }
}

impl std::error::Error for ExchangerRefusal {}

impl Exchanger {
    /// A new exchanger: offline, unfrozen.
    #[must_use]
    pub const fn new(user: UserId) -> Self {
        Self {
            user,
            online: false,
            unanswered: 0,
            frozen_at: None,
            version: 1,
        }
    }

    /// Refused while frozen: a frozen exchanger publishes and resumes no listings and gets no offers.
    pub const fn must_not_be_frozen(&self) -> Result<(), ExchangerRefusal> {
        match self.frozen_at {
            None => Ok(()),
            Some(_) => Err(ExchangerRefusal::Frozen),
        }
    }

    /// Sets the exchanger's own switch.
    #[must_use]
    pub fn switch(self, online: bool) -> Self {
        if self.online == online {
            self
        } else {
            self.changed(|exchanger| exchanger.online = online)
        }
    }

    /// Any response ends the run of unanswered offers.
    #[must_use]
    pub fn responded(self) -> Self {
        if self.unanswered == 0 {
            self
        } else {
            self.changed(|exchanger| exchanger.unanswered = 0)
        }
    }

    /// An offer expired without a response. Counts only while online; the one above `limit` freezes the exchanger and
    /// causes the event. The caller pauses the listings.
    #[must_use]
    pub fn left_unanswered(
        self,
        limit: u32,
        now: Timestamp,
    ) -> (Self, Option<Stamped<ExchangerEvent>>) {
        if !self.online {
            return (self, None);
        }
        let freezes = self.frozen_at.is_none() && self.unanswered >= limit;
        let counted = self.changed(|exchanger| {
            exchanger.unanswered = exchanger.unanswered.saturating_add(1);
            if freezes {
                exchanger.frozen_at = Some(now);
            }
        });
        let event = freezes.then(|| {
            counted.event(
                ExchangerEvent::Frozen {
                    exchanger: counted.user,
                    unanswered: counted.unanswered,
                },
                now,
            )
        });
        (counted, event)
    }

    /// A moderator lifts the freeze and the count starts at zero; no event if there was no freeze.
    #[must_use]
    pub fn unfreeze(self, by: UserId, now: Timestamp) -> (Self, Option<Stamped<ExchangerEvent>>) {
        if self.frozen_at.is_none() {
            return (self, None);
        }
        let unfrozen = self.changed(|exchanger| {
            exchanger.frozen_at = None;
            exchanger.unanswered = 0;
        });
        let fact = ExchangerEvent::Unfrozen {
            exchanger: unfrozen.user,
            by,
        };
        (unfrozen, Some(unfrozen.event(fact, now)))
    }

    fn changed(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self.version += 1;
        self
    }

    const fn event(&self, fact: ExchangerEvent, at: Timestamp) -> Stamped<ExchangerEvent> {
        Stamped {
            fact,
            version: self.version,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TypedId;

    const NOW: Timestamp = Timestamp::from_micros(1);

    fn online() -> Exchanger {
        Exchanger::new(UserId::from_u128(1)).switch(true)
    }

    #[test]
    fn the_sixth_unanswered_offer_freezes_once() {
        let mut exchanger = online();
        for count in 1..=5 {
            let (next, event) = exchanger.left_unanswered(5, NOW);
            assert_eq!(
                (next.unanswered, next.frozen_at, event),
                (count, None, None)
            );
            exchanger = next;
        }
        let (frozen, event) = exchanger.left_unanswered(5, NOW);
        assert_eq!(frozen.frozen_at, Some(NOW));
        assert_eq!(
            event.unwrap().fact,
            ExchangerEvent::Frozen {
                exchanger: frozen.user,
                unanswered: 6
            }
        );
        assert_eq!(frozen.must_not_be_frozen(), Err(ExchangerRefusal::Frozen));
        let (again, event) = frozen.left_unanswered(5, NOW);
        assert_eq!((again.frozen_at, event), (Some(NOW), None));
    }

    #[test]
    fn a_response_resets_the_count_and_an_offline_exchanger_is_not_counted() {
        let (counted, _) = online().left_unanswered(5, NOW);
        assert_eq!(counted.responded().unanswered, 0);
        let offline = counted.switch(false);
        assert_eq!(offline.left_unanswered(0, NOW), (offline, None));
    }

    #[test]
    fn unfreezing_resets_the_count_and_does_nothing_twice() {
        let (frozen, _) = online().left_unanswered(0, NOW);
        let (unfrozen, event) = frozen.unfreeze(UserId::from_u128(9), NOW);
        assert_eq!((unfrozen.frozen_at, unfrozen.unanswered), (None, 0));
        assert!(event.is_some());
        assert_eq!(
            unfrozen.unfreeze(UserId::from_u128(9), NOW),
            (unfrozen, None)
        );
    }
}

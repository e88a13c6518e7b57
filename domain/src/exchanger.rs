//! Exchangers: their online switch, and the freeze of those who leave customers without an answer.

use crate::event::{Event, Fact};
use crate::{Refusal, Timestamp, UserId};

/// What the market knows of an exchanger beyond the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchanger {
    pub user: UserId,
    /// Their own switch; only online exchangers get offers.
    pub online: bool,
    /// Offers left unanswered in a row while online.
    pub unanswered: u32,
    /// Since when the account is frozen, if it is.
    pub frozen_at: Option<Timestamp>,
    pub version: u64,
}

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

    /// Refused while frozen: no new or resumed listings, no new offers.
    pub const fn must_not_be_frozen(&self) -> Result<(), Refusal> {
        match self.frozen_at {
            None => Ok(()),
            Some(_) => Err(Refusal::ExchangerFrozen),
        }
    }

    /// Turns the own switch.
    #[must_use]
    pub fn switch(self, online: bool) -> Self {
        if self.online == online {
            self
        } else {
            self.changed(|exchanger| exchanger.online = online)
        }
    }

    /// Any answer ends the row of unanswered offers.
    #[must_use]
    pub fn answered(self) -> Self {
        if self.unanswered == 0 {
            self
        } else {
            self.changed(|exchanger| exchanger.unanswered = 0)
        }
    }

    /// An offer ran out without an answer. Counts only while online; one above `limit` freezes the account, and the
    /// event says so. The caller pauses the listings.
    #[must_use]
    pub fn left_unanswered(self, limit: u32, now: Timestamp) -> (Self, Option<Event>) {
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
                Fact::ExchangerFrozen {
                    exchanger: counted.user,
                    unanswered: counted.unanswered,
                },
                now,
            )
        });
        (counted, event)
    }

    /// A moderator lifts the freeze and the count starts anew; `None` where there was no freeze to lift.
    #[must_use]
    pub fn unfreeze(self, by: UserId, now: Timestamp) -> (Self, Option<Event>) {
        if self.frozen_at.is_none() {
            return (self, None);
        }
        let thawed = self.changed(|exchanger| {
            exchanger.frozen_at = None;
            exchanger.unanswered = 0;
        });
        let fact = Fact::ExchangerUnfrozen {
            exchanger: thawed.user,
            by,
        };
        (thawed, Some(thawed.event(fact, now)))
    }

    fn changed(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self.version += 1;
        self
    }

    const fn event(&self, fact: Fact, at: Timestamp) -> Event {
        Event {
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
            Fact::ExchangerFrozen {
                exchanger: frozen.user,
                unanswered: 6
            }
        );
        assert_eq!(frozen.must_not_be_frozen(), Err(Refusal::ExchangerFrozen));
        let (again, event) = frozen.left_unanswered(5, NOW);
        assert_eq!((again.frozen_at, event), (Some(NOW), None));
    }

    #[test]
    fn an_answer_resets_and_an_offline_exchanger_is_not_counted() {
        let (counted, _) = online().left_unanswered(5, NOW);
        assert_eq!(counted.answered().unanswered, 0);
        let offline = counted.switch(false);
        assert_eq!(offline.left_unanswered(0, NOW), (offline, None));
    }

    #[test]
    fn unfreezing_starts_anew_and_twice_is_once() {
        let (frozen, _) = online().left_unanswered(0, NOW);
        let (thawed, event) = frozen.unfreeze(UserId::from_u128(9), NOW);
        assert_eq!((thawed.frozen_at, thawed.unanswered), (None, 0));
        assert!(event.is_some());
        assert_eq!(thawed.unfreeze(UserId::from_u128(9), NOW), (thawed, None));
    }
}

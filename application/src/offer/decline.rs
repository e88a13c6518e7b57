//! The exchanger declines an offer.

use p2p_domain::user::Caller;
use p2p_domain::{Offer, OfferId, Refusal, Role, TypedId};

use super::{deal_of, settle};
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Declines an offer; the escrow is returned.
#[derive(Debug, Clone, Copy)]
pub struct DeclineOffer {
    pub caller: Caller,
    pub offer: OfferId,
}

impl Command for DeclineOffer {
    type Outcome = Offer;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.offer_to_release(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Offer, Refusal> {
        self.caller.require(Role::Exchanger)?;
        let (offer, step) = deal_of(uow, self.offer, self.caller)?;
        let moved = offer.decline(step, uow.policy())?;
        settle(uow, moved, Some(self.caller.user))
    }
}

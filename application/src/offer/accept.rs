//! The exchanger accepts an offer.

use p2p_domain::user::Caller;
use p2p_domain::{Offer, OfferId, Refusal, Role, TypedId};

use super::{deal_of, settle};
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Accepts an offer. The fiat payer's deadline starts.
#[derive(Debug, Clone, Copy)]
pub struct AcceptOffer {
    pub caller: Caller,
    pub offer: OfferId,
}

impl Command for AcceptOffer {
    type Outcome = Offer;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.offer_with_exchanger(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Offer, Refusal> {
        self.caller.require(Role::Exchanger)?;
        let (offer, step) = deal_of(uow, self.offer, self.caller)?;
        let moved = offer.accept(step, uow.policy())?;
        settle(uow, moved, Some(self.caller.user))
    }
}

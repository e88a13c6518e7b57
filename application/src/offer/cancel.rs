//! A side cancels a deal, or proposes to.

use p2p_domain::user::Caller;
use p2p_domain::{Actor, Conduct, Offer, OfferId, Refusal, Status, TypedId};

use super::{check_claimed_side, deal_of, settle};
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Cancels the deal if the side may do so alone; otherwise records a proposal, and the deal continues.
#[derive(Debug, Clone)]
pub struct CancelOffer {
    pub caller: Caller,
    pub offer: OfferId,
    /// The side that the request claims for its author.
    pub claimed: Option<Actor>,
    pub reason: String,
}

impl Command for CancelOffer {
    type Outcome = Offer;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.offer_to_release(self.offer);
        reads.conduct(self.caller.user);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Offer, Refusal> {
        let (offer, step) = deal_of(uow, self.offer, self.caller)?;
        check_claimed_side(self.claimed, step)?;
        let (before, proposed) = (offer.status(), offer.state.cancel_proposed());
        let moved = offer.cancel(step, self.reason.clone(), uow.policy())?;
        let offer = settle(uow, moved, Some(self.caller.user))?;
        let cancelled = before != Status::Cancelled && offer.status() == Status::Cancelled;
        // A cancellation that the other side proposed does not count against the customer.
        if cancelled && !proposed && self.caller.user == offer.terms.customer {
            let conduct = uow.get_or_new::<Conduct>(self.caller.user);
            uow.save(conduct.cancelled(&uow.policy().limits, uow.now()));
        }
        Ok(offer)
    }
}

//! A side calls a deal off, or proposes to.

use domain::user::Caller;
use domain::{Actor, Offer, OfferId, Refusal, Status, TypedId};

use super::{agrees, deal_of, settle};
use crate::pipeline::{Command, Desk, Needs};

/// Ends the deal where the side may do so alone; otherwise leaves a proposal, and the deal goes on.
#[derive(Debug, Clone)]
pub struct CancelOffer {
    pub caller: Caller,
    pub offer: OfferId,
    /// On which side the request says its author stands.
    pub claimed: Option<Actor>,
    pub reason: String,
}

impl Command for CancelOffer {
    type Outcome = Offer;

    fn needs(&self, needs: &mut Needs) {
        needs.offer_to_release(self.offer);
        needs.conduct(self.caller.user);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Offer, Refusal> {
        let (offer, step) = deal_of(desk, self.offer, self.caller)?;
        agrees(self.claimed, step)?;
        let (before, proposed) = (offer.status(), offer.state.cancel_proposed());
        let moved = offer.cancel(step, self.reason.clone(), desk.policy())?;
        let offer = settle(desk, moved, Some(self.caller.user))?;
        let called_off = before != Status::Cancelled && offer.status() == Status::Cancelled;
        // Who agrees with the other side does not let it down.
        if called_off && !proposed && self.caller.user == offer.terms.customer {
            let conduct = desk.conduct(self.caller.user);
            desk.save_conduct(conduct.cancelled(&desk.policy().limits, desk.now()));
        }
        Ok(offer)
    }
}

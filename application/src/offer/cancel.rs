//! A side calls a deal off, or proposes to.

use domain::user::Caller;
use domain::{Actor, Offer, OfferId, Refusal, TypedId};

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
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Offer, Refusal> {
        let (offer, step) = deal_of(desk, self.offer, self.caller)?;
        agrees(self.claimed, step)?;
        let moved = offer.cancel(step, self.reason.clone(), desk.policy())?;
        settle(desk, moved, Some(self.caller.user))
    }
}

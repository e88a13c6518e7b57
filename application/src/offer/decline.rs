//! The exchanger turns an offer down.

use domain::user::Caller;
use domain::{Offer, OfferId, Refusal, Role, TypedId};

use super::{deal_of, settle};
use crate::pipeline::{Command, Desk, Needs};

/// Ends the deal; the escrow goes back.
#[derive(Debug, Clone, Copy)]
pub struct DeclineOffer {
    pub caller: Caller,
    pub offer: OfferId,
}

impl Command for DeclineOffer {
    type Outcome = Offer;

    fn needs(&self, needs: &mut Needs) {
        needs.offer_to_release(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Offer, Refusal> {
        self.caller.require(Role::Exchanger)?;
        let (offer, step) = deal_of(desk, self.offer, self.caller)?;
        let moved = offer.decline(step, desk.policy())?;
        settle(desk, moved, Some(self.caller.user))
    }
}

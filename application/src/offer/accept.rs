//! The exchanger takes an offer.

use domain::user::Caller;
use domain::{Offer, OfferId, Refusal, Role, TypedId};

use super::{deal_of, settle};
use crate::pipeline::{Command, Desk, Needs};

/// From here the fiat payer's time runs.
#[derive(Debug, Clone, Copy)]
pub struct AcceptOffer {
    pub caller: Caller,
    pub offer: OfferId,
}

impl Command for AcceptOffer {
    type Outcome = Offer;

    fn needs(&self, needs: &mut Needs) {
        needs.offer_with_exchanger(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Offer, Refusal> {
        self.caller.require(Role::Exchanger)?;
        let (offer, step) = deal_of(desk, self.offer, self.caller)?;
        let moved = offer.accept(step, desk.policy())?;
        settle(desk, moved, Some(self.caller.user))
    }
}

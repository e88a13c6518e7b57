//! The fiat payer says that fiat was sent.

use domain::user::Caller;
use domain::{Offer, OfferId, Refusal, TypedId};

use super::{deal_of, settle};
use crate::pipeline::{Command, Desk, Needs};

/// From here the crypto holder's time to confirm the receipt runs.
#[derive(Debug, Clone)]
pub struct ConfirmPayment {
    pub caller: Caller,
    pub offer: OfferId,
    /// How the payment can be found in the outside world.
    pub reference: String,
}

impl Command for ConfirmPayment {
    type Outcome = Offer;

    fn needs(&self, needs: &mut Needs) {
        needs.offer(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Offer, Refusal> {
        let (offer, step) = deal_of(desk, self.offer, self.caller)?;
        let moved = offer.confirm_payment(step, self.reference.clone(), desk.policy())?;
        settle(desk, moved, Some(self.caller.user))
    }
}

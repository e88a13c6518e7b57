//! The crypto holder has the fiat.

use domain::user::Caller;
use domain::{Offer, OfferId, Refusal, TypedId};

use super::{deal_of, settle};
use crate::pipeline::{Command, Desk, Needs};

/// Finishes the deal: escrow is paid out to the fiat payer, less the fee.
#[derive(Debug, Clone, Copy)]
pub struct ConfirmReceipt {
    pub caller: Caller,
    pub offer: OfferId,
}

impl Command for ConfirmReceipt {
    type Outcome = Offer;

    fn needs(&self, needs: &mut Needs) {
        needs.offer_to_capture(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Offer, Refusal> {
        let (offer, step) = deal_of(desk, self.offer, self.caller)?;
        let moved = offer.confirm_receipt(step, desk.policy())?;
        settle(desk, moved, Some(self.caller.user))
    }
}

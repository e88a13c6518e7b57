//! The crypto holder confirms the receipt of the fiat.

use p2p_domain::user::Caller;
use p2p_domain::{Offer, OfferId, Refusal, TypedId};

use super::{deal_of, settle};
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Finishes the deal: the escrow is paid to the fiat payer, less the fee.
#[derive(Debug, Clone, Copy)]
pub struct ConfirmReceipt {
    pub caller: Caller,
    pub offer: OfferId,
}

impl Command for ConfirmReceipt {
    type Outcome = Offer;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.offer_to_capture(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Offer, Refusal> {
        let (offer, step) = deal_of(uow, self.offer, self.caller)?;
        let moved = offer.confirm_receipt(step, uow.policy())?;
        settle(uow, moved, Some(self.caller.user))
    }
}

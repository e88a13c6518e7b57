//! The fiat payer confirms that the fiat was sent.

use p2p_domain::user::Caller;
use p2p_domain::{Offer, OfferId, Refusal, TypedId};

use super::{deal_of, settle};
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Confirms the payment. The crypto holder's deadline to confirm the receipt starts.
#[derive(Debug, Clone)]
pub struct ConfirmPayment {
    pub caller: Caller,
    pub offer: OfferId,
    /// The reference of the payment at the bank.
    pub reference: String,
}

impl Command for ConfirmPayment {
    type Outcome = Offer;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.offer(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Offer, Refusal> {
        let (offer, step) = deal_of(uow, self.offer, self.caller)?;
        let moved = offer.confirm_payment(step, self.reference.clone(), uow.policy())?;
        settle(uow, moved, Some(self.caller.user))
    }
}

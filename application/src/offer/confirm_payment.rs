//! The fiat payer says that fiat was sent.

use p2p_domain::user::Caller;
use p2p_domain::{Offer, OfferId, Refusal, TypedId};

use super::{deal_of, settle};
use crate::engine::{Command, ReadSet, UnitOfWork};

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

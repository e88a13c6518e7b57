//! A side opens a dispute.

use p2p_domain::user::Caller;
use p2p_domain::{Actor, Dispute, DisputeId, OfferId, Refusal, TypedId};

use super::{check_claimed_side, deal_of, settle};
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Opens a dispute: the deadline stops, and a moderator decides. Each side may open one.
#[derive(Debug, Clone)]
pub struct OpenDispute {
    pub id: DisputeId,
    pub caller: Caller,
    pub offer: OfferId,
    /// The side that the request claims for its author.
    pub claimed: Option<Actor>,
    pub reason: String,
}

impl Command for OpenDispute {
    type Outcome = Dispute;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.offer_with_disputes(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Dispute, Refusal> {
        let (offer, step) = deal_of(uow, self.offer, self.caller)?;
        check_claimed_side(self.claimed, step)?;
        let moved = offer.dispute(step, self.reason.clone(), uow.policy())?;
        let (dispute, opened) = Dispute::open(
            self.id,
            moved.offer.deal(),
            step,
            self.reason.clone(),
            &uow.find_all::<Dispute>(|dispute| dispute.offer == self.offer),
        )?;
        settle(uow, moved, Some(self.caller.user))?;
        uow.save(dispute.clone());
        uow.emit([opened]);
        Ok(dispute)
    }
}

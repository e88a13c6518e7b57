//! The clock moves a deal that nobody has moved in time.

use p2p_domain::offer::{Act, Trigger};
use p2p_domain::{Dispute, DisputeId, OfferId, Refusal, Status, TypedId};

use super::{settle, would_freeze};
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Does what the status machine says of a deadline that has passed; nothing where it was moved meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct ExpireOffer {
    pub offer: OfferId,
    /// For the dispute that a missing receipt opens.
    pub dispute: DisputeId,
    /// It is known to freeze the exchanger, of which the audit trail tells. Else such a deadline changes nothing yet, so that the
    /// many that freeze nobody need not wait for the end of the trail.
    pub freezes: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// The deal is now in this status.
    Moved(Status),
    /// Its deadline was no longer due.
    NotDue,
    /// It would freeze the exchanger, and was not told so.
    Freezes,
}

impl Command for ExpireOffer {
    type Outcome = Expired;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.offer_to_expire(self.offer);
        if self.freezes {
            reads.trail();
        }
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Expired, Refusal> {
        let offer = uow.offer(self.offer)?;
        if offer.deadline().is_none_or(|deadline| deadline > uow.now()) {
            return Ok(Expired::NotDue);
        }
        let before = offer.status();
        let moved = offer.expire(uow.now(), uow.policy())?;
        if !self.freezes && would_freeze(uow, &moved)? {
            return Ok(Expired::Freezes);
        }
        let offer = settle(uow, moved, None)?;
        // Whoever never pays lets the other side down like whoever calls off.
        if before == Status::Approved && offer.fiat_payer() == offer.terms.customer {
            let conduct = uow.conduct(offer.terms.customer);
            uow.save_conduct(conduct.cancelled(&uow.policy().limits, uow.now()));
        }
        if offer.status() == Status::DisputeOpen {
            let (dispute, opened) = Dispute::open(
                self.dispute,
                offer.deal(),
                Act::system(uow.now()),
                Trigger::ReceiptTimeout.name().to_owned(),
                &uow.disputes_of(self.offer),
            )?;
            uow.save_dispute(dispute);
            uow.emit([opened]);
        }
        Ok(Expired::Moved(offer.status()))
    }
}

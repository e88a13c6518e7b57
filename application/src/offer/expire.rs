//! An expired deadline moves a deal.

use p2p_domain::offer::{Act, Trigger};
use p2p_domain::{Conduct, Dispute, DisputeId, Offer, OfferId, Refusal, Status, TypedId};

use super::{settle, would_freeze};
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Applies the transition of an expired deadline, unless the deal was moved meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct ExpireOffer {
    pub offer: OfferId,
    /// For the dispute that a missing receipt opens.
    pub dispute: DisputeId,
    /// The expiry is known to freeze the exchanger: append to the audit log. Otherwise such an expiry changes nothing yet, so that
    /// the many that freeze no exchanger need not wait for the head of the log.
    pub freezes: bool,
}

/// The outcome of an expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// The deal is now in this status.
    Moved(Status),
    /// Its deadline was no longer due.
    NotDue,
    /// It would freeze the exchanger; execute it again with `freezes`.
    Freezes,
}

impl Command for ExpireOffer {
    type Outcome = Expired;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.offer_to_expire(self.offer);
        if self.freezes {
            reads.audit_head();
        }
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Expired, Refusal> {
        let offer = uow.get::<Offer>(&self.offer)?;
        if offer.deadline().is_none_or(|deadline| deadline > uow.now()) {
            return Ok(Expired::NotDue);
        }
        let before = offer.status();
        let moved = offer.expire(uow.now(), uow.policy())?;
        if !self.freezes && would_freeze(uow, &moved)? {
            return Ok(Expired::Freezes);
        }
        let offer = settle(uow, moved, None)?;
        // A payment that never comes counts like a cancellation.
        if before == Status::Approved && offer.fiat_payer() == offer.terms.customer {
            let conduct = uow.get_or_new::<Conduct>(offer.terms.customer);
            uow.save(conduct.cancelled(&uow.policy().limits, uow.now()));
        }
        if offer.status() == Status::DisputeOpen {
            let (dispute, opened) = Dispute::open(
                self.dispute,
                offer.deal(),
                Act::system(uow.now()),
                Trigger::ReceiptTimeout.name().to_owned(),
                &uow.find_all::<Dispute>(|dispute| dispute.offer == self.offer),
            )?;
            uow.save(dispute);
            uow.emit([opened]);
        }
        Ok(Expired::Moved(offer.status()))
    }
}

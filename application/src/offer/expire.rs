//! The clock moves a deal that nobody has moved in time.

use domain::offer::Trigger;
use domain::{Actor, Dispute, DisputeId, OfferId, Refusal, Status, TypedId};

use super::settle;
use crate::pipeline::{Command, Desk, Needs};

/// Does what the status machine says of a deadline that has passed; nothing where it was moved meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct ExpireOffer {
    pub offer: OfferId,
    /// For the dispute that a missing receipt opens.
    pub dispute: DisputeId,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// The deal is now in this status.
    Moved(Status),
    /// Its deadline was no longer due.
    NotDue,
}

impl Command for ExpireOffer {
    type Outcome = Expired;

    fn needs(&self, needs: &mut Needs) {
        needs.offer_to_expire(self.offer);
        // It may freeze the exchanger.
        needs.trail();
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Expired, Refusal> {
        let offer = desk.offer(self.offer)?;
        if offer
            .deadline()
            .is_none_or(|deadline| deadline > desk.now())
        {
            return Ok(Expired::NotDue);
        }
        let moved = offer.expire(desk.now(), self.dispute, desk.policy())?;
        let offer = settle(desk, moved, None)?;
        if offer.status() == Status::DisputeOpen {
            let dispute = Dispute::open(
                self.dispute,
                self.offer,
                Actor::System,
                None,
                Trigger::ReceiptTimeout.name().to_owned(),
                &desk.disputes_of(self.offer),
                desk.now(),
            )?;
            desk.save_dispute(dispute);
        }
        Ok(Expired::Moved(offer.status()))
    }
}

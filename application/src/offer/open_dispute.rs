//! A side calls for a moderator.

use domain::user::Caller;
use domain::{Actor, Dispute, DisputeId, OfferId, Refusal, TypedId};

use super::{agrees, deal_of, settle};
use crate::pipeline::{Command, Desk, Needs};

/// Stops the clock: from here a moderator decides. Each side may do so once.
#[derive(Debug, Clone)]
pub struct OpenDispute {
    pub id: DisputeId,
    pub caller: Caller,
    pub offer: OfferId,
    /// On which side the request says its author stands.
    pub claimed: Option<Actor>,
    pub reason: String,
}

impl Command for OpenDispute {
    type Outcome = Dispute;

    fn needs(&self, needs: &mut Needs) {
        needs.offer_with_disputes(self.offer);
    }

    fn affinity(&self) -> u128 {
        self.offer.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Dispute, Refusal> {
        let (offer, step) = deal_of(desk, self.offer, self.caller)?;
        agrees(self.claimed, step)?;
        let moved = offer.dispute(step, self.id, self.reason.clone(), desk.policy())?;
        let dispute = Dispute::open(
            self.id,
            self.offer,
            step.actor,
            step.user,
            self.reason.clone(),
            &desk.disputes_of(self.offer),
            desk.now(),
        )?;
        settle(desk, moved, Some(self.caller.user))?;
        desk.save_dispute(dispute.clone());
        Ok(dispute)
    }
}

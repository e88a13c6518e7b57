//! A moderator decides a dispute, and with it the deal.

use domain::audit::{AuditAction, AuditNote};
use domain::dispute::Resolution;
use domain::offer::Step;
use domain::user::Caller;
use domain::{Actor, Decimal, Dispute, DisputeId, Money, Offer, Refusal, Role};

use crate::offer::settle;
use crate::pipeline::{Command, Desk, Needs};

/// How the moderator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Finished,
    Cancelled,
    /// The fiat payer's part of the escrow, before the fee.
    Split {
        payer_amount: Decimal,
    },
}

/// Resolves the dispute, the deal's other disputes with it, and ends the deal.
#[derive(Debug, Clone)]
pub struct ResolveDispute {
    pub caller: Caller,
    pub dispute: DisputeId,
    pub decision: Decision,
    pub comment: String,
}

impl Command for ResolveDispute {
    type Outcome = Dispute;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.dispute_to_resolve(self.dispute);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Dispute, Refusal> {
        desk.require_staff(self.caller, Role::Moderator)?;
        let dispute = desk.dispute(self.dispute)?;
        let offer = desk.offer(dispute.offer)?;
        if offer.side_of(self.caller.user).is_some() {
            return Err(Refusal::ConflictOfInterest);
        }
        if !dispute.is_open() {
            return Err(Refusal::DisputeResolved);
        }
        let resolution = self.resolution(&offer)?;
        let step = Step::by(Actor::Moderator, self.caller.user, desk.now());
        let (comment, policy) = (self.comment.clone(), desk.policy());
        let moved = match resolution {
            Resolution::Finished => offer.resolve_finished(step, comment, policy),
            Resolution::Cancelled => offer.resolve_cancelled(step, comment, policy),
            Resolution::Split { payer_amount } => {
                offer.resolve_split(step, comment, payer_amount, policy)
            }
        }?;
        let offer = settle(desk, moved, None)?;
        let (name, payer_amount) = match resolution {
            Resolution::Finished => ("RESOLVED_FINISHED", None),
            Resolution::Cancelled => ("RESOLVED_CANCELLED", None),
            Resolution::Split { payer_amount } => {
                ("RESOLVED_SPLIT", Some(payer_amount.to_string()))
            }
        };
        let detail = serde_json::json!({
            "offer_id": offer.id.to_string(),
            "resolution": name,
            "payer_amount": payer_amount,
            "comment": self.comment,
        });
        let (action, subject) = (AuditAction::DisputeResolved, self.dispute.to_string());
        desk.note(AuditNote::by(
            self.caller,
            action,
            subject,
            detail.to_string(),
        ))?;
        for open in desk.disputes_of(offer.id) {
            if open.is_open() {
                self.close(desk, open, resolution, &offer);
            }
        }
        desk.dispute(self.dispute)
    }
}

impl ResolveDispute {
    fn resolution(&self, offer: &Offer) -> Result<Resolution, Refusal> {
        Ok(match self.decision {
            Decision::Finished => Resolution::Finished,
            Decision::Cancelled => Resolution::Cancelled,
            Decision::Split { payer_amount } => {
                let asset = offer.terms.amount.asset();
                let payer_amount = Money::from_decimal(payer_amount, asset)
                    .map_err(Refusal::amount_of("payer_amount"))?;
                Resolution::Split { payer_amount }
            }
        })
    }

    fn close(&self, desk: &mut Desk<'_>, dispute: Dispute, resolution: Resolution, offer: &Offer) {
        let (by, comment) = (self.caller.user, self.comment.clone());
        let (resolved, event) = dispute.resolve(resolution, by, comment, offer.deal(), desk.now());
        desk.save_dispute(resolved);
        desk.emit([event]);
    }
}

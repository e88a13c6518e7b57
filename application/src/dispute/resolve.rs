//! A moderator resolves a dispute, and with it the deal.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::dispute::Resolution;
use p2p_domain::offer::Act;
use p2p_domain::refusal::{AccessRefusal, AmountRole, DisputeRefusal};
use p2p_domain::user::Caller;
use p2p_domain::{Actor, Decimal, Dispute, DisputeId, Money, Offer, Refusal, Role};

use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::offer::settle;

/// How the moderator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Finished,
    Cancelled,
    /// The fiat payer's share of the escrow, before the fee.
    Split {
        payer_amount: Decimal,
    },
}

/// Resolves all open disputes of the deal and ends the deal.
#[derive(Debug, Clone)]
pub struct ResolveDispute {
    pub caller: Caller,
    pub dispute: DisputeId,
    pub decision: Decision,
    pub comment: String,
}

impl Command for ResolveDispute {
    type Outcome = Dispute;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.dispute_to_resolve(self.dispute);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Dispute, Refusal> {
        uow.require_staff(self.caller, Role::Moderator)?;
        let dispute = uow.get::<Dispute>(&self.dispute)?;
        let offer = uow.get::<Offer>(&dispute.offer)?;
        if offer.side_of(self.caller.user).is_some() {
            return Err(Refusal::Access(AccessRefusal::ConflictOfInterest));
        }
        if !dispute.is_open() {
            return Err(Refusal::Dispute(DisputeRefusal::AlreadyResolved));
        }
        let resolution = self.resolution(&offer)?;
        let step = Act::by(Actor::Moderator, self.caller.user, uow.now());
        let (comment, policy) = (self.comment.clone(), uow.policy());
        let moved = match resolution {
            Resolution::Finished => offer.resolve_finished(step, comment, policy),
            Resolution::Cancelled => offer.resolve_cancelled(step, comment, policy),
            Resolution::Split { payer_amount } => {
                offer.resolve_split(step, comment, payer_amount, policy)
            }
        }?;
        let offer = settle(uow, moved, None)?;
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
        uow.note(AuditNote::by(
            self.caller,
            action,
            subject,
            detail.to_string(),
        ))?;
        for open in uow.find_all::<Dispute>(|dispute| dispute.offer == offer.id) {
            if open.is_open() {
                self.close(uow, open, resolution, &offer);
            }
        }
        uow.get::<Dispute>(&self.dispute)
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
                    .map_err(Refusal::amount_of(AmountRole::PayerAmount))?;
                Resolution::Split { payer_amount }
            }
        })
    }

    fn close(
        &self,
        uow: &mut UnitOfWork<'_>,
        dispute: Dispute,
        resolution: Resolution,
        offer: &Offer,
    ) {
        let (by, comment) = (self.caller.user, self.comment.clone());
        let (resolved, event) = dispute.resolve(resolution, by, comment, offer.deal(), uow.now());
        uow.save(resolved);
        uow.emit([event]);
    }
}

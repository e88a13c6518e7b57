//! Disputes as clients see them.

use p2p_domain::Dispute;
use p2p_domain::dispute::{Comment, DisputeState, Resolution};
use serde::Serialize;
use utoipa::ToSchema;

use crate::offer_view::OfferView;
use crate::wire;

/// What became of a request about a dispute.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "dispute_id": "dispute_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "status": "DISPUTE_OPEN",
    "message": "Dispute opened successfully"
}))]
pub(crate) struct DisputeAnswer {
    dispute_id: wire::DisputeId,
    status: wire::DisputeStatus,
    /// For people.
    message: &'static str,
}

impl DisputeAnswer {
    pub(crate) fn of(dispute: &Dispute, message: &'static str) -> Self {
        Self {
            dispute_id: wire::DisputeId(dispute.id),
            status: status_of(dispute),
            message,
        }
    }
}

const fn status_of(dispute: &Dispute) -> wire::DisputeStatus {
    wire::DisputeStatus(match dispute.state {
        DisputeState::Open => wire::DisputeStage::Open,
        DisputeState::Resolved { .. } => wire::DisputeStage::Resolved,
    })
}

/// One side's dispute of a deal.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "dispute_id": "dispute_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "status": "DISPUTE_RESOLVED",
    "opened_by": "CUSTOMER",
    "opener_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "reason": "The fiat has not arrived",
    "opened_at": "2025-04-18T15:00:00Z",
    "decision": {
        "resolution": "RESOLVED_FINISHED",
        "payer_amount": null,
        "comment": "The documents are in order",
        "moderator_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wb",
        "at": "2025-04-18T18:00:00Z"
    },
    "version": 2
}))]
pub(crate) struct DisputeView {
    dispute_id: wire::DisputeId,
    offer_id: wire::OfferId,
    status: wire::DisputeStatus,
    /// The side that opened it; SYSTEM where the receipt was not confirmed in time.
    opened_by: wire::Actor,
    /// The person who opened it; `null` for the system.
    #[schema(required = true)]
    opener_id: Option<wire::UserId>,
    reason: String,
    opened_at: wire::Time,
    /// What the moderator decided; `null` while the dispute is open.
    #[schema(required = true)]
    decision: Option<DecisionView>,
    version: u64,
}

/// A moderator's decision.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "resolution": "RESOLVED_SPLIT",
    "payer_amount": "60.000000",
    "comment": "Part of the fiat has arrived",
    "moderator_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wb",
    "at": "2025-04-18T18:00:00Z"
}))]
pub(crate) struct DecisionView {
    resolution: wire::Resolution,
    /// With RESOLVED_SPLIT: the fiat payer's part of the escrow, before the fee.
    #[schema(required = true)]
    payer_amount: Option<wire::Money>,
    comment: String,
    moderator_id: wire::UserId,
    at: wire::Time,
}

impl From<Dispute> for DisputeView {
    fn from(dispute: Dispute) -> Self {
        let status = status_of(&dispute);
        let decision = match dispute.state {
            DisputeState::Open => None,
            DisputeState::Resolved {
                resolution,
                by,
                comment,
                at,
            } => Some(DecisionView {
                resolution: resolution.into(),
                payer_amount: match resolution {
                    Resolution::Split { payer_amount } => Some(wire::Money(payer_amount)),
                    Resolution::Finished | Resolution::Cancelled => None,
                },
                comment,
                moderator_id: wire::UserId(by),
                at: wire::Time(at),
            }),
        };
        Self {
            dispute_id: wire::DisputeId(dispute.id),
            offer_id: wire::OfferId(dispute.offer),
            status,
            opened_by: wire::Actor(dispute.opened_by),
            opener_id: dispute.opener.map(wire::UserId),
            reason: dispute.reason,
            opened_at: wire::Time(dispute.opened_at),
            decision,
            version: dispute.version,
        }
    }
}

/// A comment on a dispute.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "comment_id": "comment_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "dispute_id": "dispute_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "author_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "text": "The bank statement is on its way",
    "at": "2025-04-18T16:00:00Z"
}))]
pub(crate) struct CommentView {
    comment_id: wire::CommentId,
    dispute_id: wire::DisputeId,
    author_id: wire::UserId,
    text: String,
    at: wire::Time,
}

impl From<Comment> for CommentView {
    fn from(comment: Comment) -> Self {
        Self {
            comment_id: wire::CommentId(comment.id),
            dispute_id: wire::DisputeId(comment.dispute),
            author_id: wire::UserId(comment.author),
            text: comment.text,
            at: wire::Time(comment.at),
        }
    }
}

/// A dispute with its deal and what was said.
#[derive(Serialize, ToSchema)]
pub(crate) struct DisputeDetails {
    #[serde(flatten)]
    dispute: DisputeView,
    offer: OfferView,
    /// Oldest first.
    comments: Vec<CommentView>,
}

impl From<p2p_application::dispute::DisputeView> for DisputeDetails {
    fn from(view: p2p_application::dispute::DisputeView) -> Self {
        Self {
            dispute: view.dispute.into(),
            offer: view.offer.into(),
            comments: view.comments.into_iter().map(Into::into).collect(),
        }
    }
}

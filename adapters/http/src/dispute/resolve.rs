//! `POST /api/p2p/disputes/{dispute_id}/resolve`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::dispute::{Decision, ResolveDispute};
use p2p_domain::Role;
use p2p_domain::refusal::DisputeRefusal;
use p2p_domain::{DisputeId, Refusal};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::DisputeAnswer;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, ok};
use crate::policy::{Access, Policy, StepUp};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// A moderator's decision.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "admin_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "resolution": "RESOLVED_FINISHED",
    "comment": "The documents are in order"
}))]
pub(crate) struct ResolveRequest {
    /// May be left out; otherwise it must be the caller.
    admin_id: Option<wire::UserId>,
    resolution: wire::Resolution,
    /// Why; both sides can read it.
    #[validate(length(min = 1, max = 4000))]
    #[schema(min_length = 1, max_length = 4000)]
    comment: String,
    /// With RESOLVED_SPLIT, and only there: the fiat payer's part of the escrow, before the fee.
    payer_amount: Option<wire::Amount>,
}

/// The decision; an amount belongs to a split, and only there.
fn decision(
    resolution: wire::Resolution,
    payer_amount: Option<wire::Amount>,
) -> Result<Decision, Refusal> {
    match (resolution.0, payer_amount) {
        (wire::ResolutionKind::Finished, None) => Ok(Decision::Finished),
        (wire::ResolutionKind::Cancelled, None) => Ok(Decision::Cancelled),
        (wire::ResolutionKind::Split, Some(amount)) => Ok(Decision::Split {
            payer_amount: amount.0,
        }),
        _ => Err(Refusal::Dispute(DisputeRefusal::PayerAmountMismatch)),
    }
}

/// Decide a dispute.
///
/// For MODERATOR and ADMIN who are not a side of the deal. Ends the deal and resolves all of its disputes at once:
///
/// * `RESOLVED_FINISHED`: the fiat was paid. The escrow goes to the fiat payer, less the fee; the deal is FINISHED.
/// * `RESOLVED_CANCELLED`: the fiat was not paid. The escrow goes back to its holder; the deal is CANCELLED.
/// * `RESOLVED_SPLIT`: `payer_amount` of the escrow goes to the fiat payer, less the fee, and the rest back; the deal is
///   FINISHED.
#[utoipa::path(
    post,
    path = "/api/p2p/disputes/{dispute_id}/resolve",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::not_owner_with(Role::Moderator))
            .step_up(StepUp::Required)
    ))),
    params(("dispute_id" = inline(wire::DisputeId), Path)),
    request_body = ResolveRequest,
    responses(
        (status = 200, description = "The deal has ended as decided.", body = DisputeAnswer, example = json!({
            "dispute_id": "dispute_01jt0c7kq5e8tvb1y9m3x4z6wa",
            "status": "DISPUTE_RESOLVED",
            "message": "Dispute resolved by admin"
        })),
        (status = 403, description = "`ROLE_REQUIRED`: MODERATOR. `CONFLICT_OF_INTEREST`: the deal is the caller's own. \
            `IDENTITY_MISMATCH`: `admin_id` names another user."),
        (status = 404, description = "`DISPUTE_NOT_FOUND`"),
        (status = 409, description = "`DISPUTE_ALREADY_RESOLVED`"),
        (status = 422, description = "`SPLIT_OUT_OF_RANGE`, `PAYER_AMOUNT_MISMATCH`, `TOO_MANY_DECIMALS`, or a body that \
            can't be used."),
    )
)]
pub(crate) async fn resolve_dispute(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(dispute): PathId<DisputeId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<ResolveRequest>>,
) -> Result<Response, Problem> {
    if let Some(admin) = body.admin_id {
        caller.claims_to_be(admin.0)?;
    }
    let command = ResolveDispute {
        caller,
        dispute,
        decision: decision(body.resolution, body.payer_amount)?,
        comment: body.comment,
    };
    once.carry_out(&app, caller, command, |dispute| {
        ok(&DisputeAnswer::of(&dispute, "Dispute resolved by admin"))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_belongs_to_a_split_and_only_there() {
        let amount = wire::Amount::from_text("1.5").ok();
        let of = |kind, amount| decision(wire::Resolution(kind), amount);
        assert_eq!(
            of(wire::ResolutionKind::Finished, None),
            Ok(Decision::Finished)
        );
        assert!(of(wire::ResolutionKind::Split, amount).is_ok());
        for (kind, amount) in [
            (wire::ResolutionKind::Split, None),
            (wire::ResolutionKind::Finished, amount),
            (wire::ResolutionKind::Cancelled, amount),
        ] {
            assert_eq!(
                of(kind, amount),
                Err(Refusal::Dispute(DisputeRefusal::PayerAmountMismatch))
            );
        }
    }
}

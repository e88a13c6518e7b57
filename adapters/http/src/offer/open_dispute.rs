//! `POST /api/p2p/exchange-offers/{offer_id}/dispute`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::offer::OpenDispute;
use p2p_domain::OfferId;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use crate::app::App;
use crate::dispute::view::DisputeAnswer;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, ok};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// A side's call for a moderator.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"opened_by": "CUSTOMER", "reason": "The fiat has not arrived"}))]
pub(crate) struct OpenDisputeRequest {
    /// May be left out; otherwise it must be the caller's side.
    opened_by: Option<wire::Side>,
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Open a dispute.
///
/// For the deal's two sides, once each, while the deal is APPROVED, PAYMENT_CONFIRMED or already in dispute. Stops the
/// deal's clock: from here a moderator decides.
#[utoipa::path(
    post,
    path = "/api/p2p/exchange-offers/{offer_id}/dispute",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::OWNER)))),
    params(("offer_id" = inline(wire::OfferId), Path)),
    request_body = OpenDisputeRequest,
    responses(
        (status = 200, description = "The deal is DISPUTE_OPEN.", body = DisputeAnswer),
        (status = 403, description = "`IDENTITY_MISMATCH`: the body names the other side."),
        (status = 404, description = "`OFFER_NOT_FOUND`: there is no such deal, or the caller is not a side of it."),
        (status = 409, description = "`ILLEGAL_TRANSITION`: the deal is PENDING or has ended. `DISPUTE_ALREADY_OPENED`: \
            this side has done so before."),
    )
)]
pub(crate) async fn open_dispute(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(offer): PathId<OfferId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<OpenDisputeRequest>>,
) -> Result<Response, Problem> {
    let command = OpenDispute {
        id: app.market().fresh(),
        caller,
        offer,
        claimed: body.opened_by.map(|side| side.0),
        reason: body.reason,
    };
    once.carry_out(&app, caller, command, |dispute| {
        ok(&DisputeAnswer::of(&dispute, "Dispute opened successfully"))
    })
    .await
}

//! `POST /api/billing/withdrawals/{withdrawal_id}/approve` and `POST /api/billing/withdrawals/{withdrawal_id}/reject`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::withdrawal::{ApproveWithdrawal, RejectWithdrawal};
use p2p_domain::Role;
use p2p_domain::WithdrawalId;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::WithdrawalView;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, ok};
use crate::policy::{Access, Policy, StepUp};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// That the money has left.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reference": "0x7f2c93"}))]
pub(crate) struct ApproveWithdrawalRequest {
    /// What the payment is called outside; the owner can read it.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    reference: String,
}

/// Approve a withdrawal.
///
/// For ADMIN, and not for oneself: once the payment is made outside. The money leaves the market's books.
#[utoipa::path(
    post,
    path = "/api/billing/withdrawals/{withdrawal_id}/approve",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::not_owner_with(Role::Admin))
            .step_up(StepUp::Required)
    ))),
    params(("withdrawal_id" = inline(wire::WithdrawalId), Path)),
    request_body = ApproveWithdrawalRequest,
    responses(
        (status = 200, description = "The withdrawal is APPROVED.", body = WithdrawalView),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN. `CONFLICT_OF_INTEREST`: the withdrawal is the caller's own."),
        (status = 404, description = "`WITHDRAWAL_NOT_FOUND`"),
        (status = 409, description = "`WITHDRAWAL_ALREADY_DECIDED`"),
    )
)]
pub(crate) async fn approve_withdrawal(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(withdrawal): PathId<WithdrawalId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<ApproveWithdrawalRequest>>,
) -> Result<Response, Problem> {
    let command = ApproveWithdrawal {
        caller,
        withdrawal,
        reference: body.reference,
    };
    once.carry_out(&app, caller, command, |withdrawal| {
        ok(&WithdrawalView::from(withdrawal))
    })
    .await
}

/// Why the money stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "There is no such address"}))]
pub(crate) struct RejectWithdrawalRequest {
    /// The owner can read it.
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Reject a withdrawal.
///
/// For ADMIN, and for the owner, who takes it back. The money is the owner's to use again.
#[utoipa::path(
    post,
    path = "/api/billing/withdrawals/{withdrawal_id}/reject",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::owner_or(Role::Admin))
            .step_up(StepUp::Required)
    ))),
    params(("withdrawal_id" = inline(wire::WithdrawalId), Path)),
    request_body = RejectWithdrawalRequest,
    responses(
        (status = 200, description = "The withdrawal is REJECTED.", body = WithdrawalView),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN, for withdrawals of others."),
        (status = 404, description = "`WITHDRAWAL_NOT_FOUND`"),
        (status = 409, description = "`WITHDRAWAL_ALREADY_DECIDED`"),
    )
)]
pub(crate) async fn reject_withdrawal(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(withdrawal): PathId<WithdrawalId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<RejectWithdrawalRequest>>,
) -> Result<Response, Problem> {
    let command = RejectWithdrawal {
        caller,
        withdrawal,
        reason: body.reason,
    };
    once.carry_out(&app, caller, command, |withdrawal| {
        ok(&WithdrawalView::from(withdrawal))
    })
    .await
}

//! `POST /api/billing/withdrawals`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::withdrawal::RequestWithdrawal;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::WithdrawalView;
use crate::app::App;
use crate::extract::Auth;
use crate::idempotency::{Idempotent, created};
use crate::policy::{Access, Idempotency, Policy, StepUp};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// Money that is to leave.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "amount": "100",
    "asset": "USDT",
    "destination": "TJRyWwFs9wTFGZg3JbrVriFbNfCug5tDeC"
}))]
pub(crate) struct RequestWithdrawalRequest {
    amount: wire::Amount,
    asset: wire::Asset,
    /// Where it is to go: an address, or a bank account.
    #[validate(length(min = 1, max = 500))]
    #[schema(min_length = 1, max_length = 500)]
    destination: String,
}

/// Ask for a withdrawal.
///
/// For any authenticated user. The money is held from now on; an administrator approves the withdrawal, and the money
/// leaves, or rejects it, and the money is the owner's to use again. A notification tells of it.
#[utoipa::path(
    post,
    path = "/api/billing/withdrawals",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::ANY_ROLE)
            .idempotency(Idempotency::KeyRequired)
            .step_up(StepUp::Configurable)
    ))),
    request_body = RequestWithdrawalRequest,
    responses(
        (status = 201, description = "The money is set aside.", body = WithdrawalView),
        (status = 403, description = "`ROLE_REQUIRED`: all roles were taken from the account."),
        (status = 404, description = "`ACCOUNT_NOT_FOUND`: the token is good, but the account is gone."),
        (status = 422, description = "`INSUFFICIENT_FUNDS`, `AMOUNT_NOT_POSITIVE`, `TOO_MANY_DECIMALS`, \
            `AMOUNT_TOO_LARGE`, `BALANCE_TOO_LARGE`, or a body that can't be used."),
    )
)]
pub(crate) async fn request_withdrawal(
    State(app): State<App>,
    Auth(caller): Auth,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<RequestWithdrawalRequest>>,
) -> Result<Response, Problem> {
    let command = RequestWithdrawal {
        id: app.market().fresh(),
        caller,
        asset: body.asset.0,
        amount: body.amount.0,
        destination: body.destination,
    };
    once.carry_out(&app, caller, command, |withdrawal| {
        created(&WithdrawalView::from(withdrawal))
    })
    .await
}

//! `POST /api/billing/deposit`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::wallet::Deposit;
use p2p_domain::Role;
use p2p_domain::purchase::DEFAULT_ASSET;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG_BILLING;
use super::view::DepositAnswer;
use crate::app::App;
use crate::extract::Auth;
use crate::idempotency::{Idempotent, created};
use crate::policy::{Access, Idempotency, Policy, StepUp};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// Money that has arrived outside.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "amount": 1000,
    "asset": "RUB"
}))]
pub(crate) struct DepositRequest {
    /// Whose it is. `userId` is accepted as well.
    #[serde(alias = "userId")]
    user_id: wire::UserId,
    amount: wire::Amount,
    /// RUB if left out.
    asset: Option<wire::Asset>,
}

/// Book a deposit.
///
/// For ADMIN, but not for their own account; where the market is a demonstration (a setting), any user for their own account. The
/// user's account gains what the outside world's account gives. What payment providers report as paid in comes by `POST /api/callbacks/payments`.
#[utoipa::path(
    post,
    path = "/api/billing/deposit",
    tag = TAG_BILLING,
    extensions(("x-policy" = json!(
        Policy::change(Access::role(Role::Admin))
            .idempotency(Idempotency::KeyRequired)
            .step_up(StepUp::Required)
    ))),
    request_body = DepositRequest,
    responses(
        (status = 201, description = "The deposit is booked: the balance after it.", body = DepositAnswer),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN, unless it is the own account of a demonstration. \
            `CONFLICT_OF_INTEREST`: it is the administrator's own account."),
        (status = 404, description = "`ACCOUNT_NOT_FOUND`: there is no such user."),
        (status = 422, description = "`AMOUNT_NOT_POSITIVE`, `TOO_MANY_DECIMALS`, `AMOUNT_TOO_LARGE`, \
            `BALANCE_TOO_LARGE`, or a body that can't be used."),
    )
)]
pub(crate) async fn deposit(
    State(app): State<App>,
    Auth(caller): Auth,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<DepositRequest>>,
) -> Result<Response, Problem> {
    let user = body.user_id.0;
    let command = Deposit {
        caller,
        user,
        asset: body.asset.map_or(DEFAULT_ASSET, |asset| asset.0),
        amount: body.amount.0,
    };
    once.carry_out(&app, caller, command, move |account| {
        created(&DepositAnswer::of(user, account))
    })
    .await
}

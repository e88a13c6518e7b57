//! `POST /api/payments`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use p2p_application::payment::AuthorizePayment;
use p2p_domain::{Money, Refusal};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::AuthorizePaymentAnswer;
use crate::app::App;
use crate::extract::Auth;
use crate::idempotency::Idempotent;
use crate::policy::{Access, Idempotency, Policy, StepUp};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::idempotency::REPLAYED;
use p2p_edge::{JsonBody, ProblemDetails};

/// What is to be paid.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "payer_account_id": "acct_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "payee_account_id": "acct_01jt0c7kq5e8tvb1y9m3x4z6wb",
    "amount": "100.00",
    "currency": "RUB",
    "description": "Lunch"
}))]
pub(crate) struct AuthorizePaymentRequest {
    /// The account that pays: one of the caller's. The ids of accounts are in the wallet.
    payer_account_id: wire::AccountId,
    /// The account that is paid.
    payee_account_id: wire::AccountId,
    /// What is not above zero is DECLINED.
    #[schema(value_type = wire::AnyAmount)]
    amount: wire::Amount,
    /// The asset that the amount is in; both accounts must be in the same.
    currency: wire::Asset,
    /// What for.
    #[serde(default)]
    #[validate(length(max = 500))]
    #[schema(max_length = 500)]
    description: String,
}

/// Pay from account to account.
///
/// For the owner of the payer's account, and ADMIN. The money moves at once, and once for the idempotency key, which is what
/// the caller calls the payment: for ever, over REST and over gRPC. A payment that can't be made is no error: it is DECLINED,
/// `error` says why, and that decision stands: try again under another key. The same request again, however its numbers are
/// written, is answered with 200, DUPLICATE and the original payment's data.
#[utoipa::path(
    post,
    path = "/api/payments",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::ANY_ROLE)
            .idempotency(Idempotency::KeyIsName)
            .step_up(StepUp::Configurable)
    ))),
    request_body = AuthorizePaymentRequest,
    responses(
        (status = 201, description = "The payment is decided: AUTHORIZED or DECLINED.", body = AuthorizePaymentAnswer),
        (
            status = 200,
            description = "It was decided before: DUPLICATE.",
            body = AuthorizePaymentAnswer,
            example = json!({
                "payment_id": "pay_01jt0c7kq5e8tvb1y9m3x4z6wa",
                "status": "DUPLICATE",
                "error": null,
                "processed_at": "2025-04-18T15:00:00Z"
            })
        ),
        (status = 403, description = "`ROLE_REQUIRED`: all roles were taken from the account."),
        (status = 422, description = "`TOO_MANY_DECIMALS`, `AMOUNT_TOO_LARGE`, or a body that can't be used: no payment \
            is made of it, and the key is not used up."),
    )
)]
pub(crate) async fn authorize_payment(
    State(app): State<App>,
    Auth(caller): Auth,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<AuthorizePaymentRequest>>,
) -> Result<Response, Problem> {
    let key = once
        .into_key()
        .ok_or_else(ProblemDetails::idempotency_key_required)?;
    let amount = Money::from_decimal(body.amount.0, body.currency.0).map_err(Refusal::amount)?;
    let command = AuthorizePayment {
        id: app.market().fresh(),
        caller,
        key,
        payer: Some(body.payer_account_id.0),
        payee: Some(body.payee_account_id.0),
        amount,
        description: body.description,
        limited: false,
    };
    let authorized = p2p_application::payment::authorize_payment(app.market(), command).await?;
    let duplicate = authorized.duplicate;
    let answer = Json(AuthorizePaymentAnswer::from(authorized));
    Ok(if duplicate {
        let replayed = [(REPLAYED, HeaderValue::from_static("true"))];
        (replayed, answer).into_response()
    } else {
        (StatusCode::CREATED, answer).into_response()
    })
}

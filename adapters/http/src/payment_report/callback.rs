//! `POST /api/callbacks/payments`.

use axum::Json;
use axum::extract::State;
use p2p_application::limits::Class;
use p2p_application::payment_report::{ReceivePayment, Received, ReportedPayment};
use p2p_domain::ReportOutcome;
use serde::Serialize;
use utoipa::ToSchema;

use super::TAG;
use super::signature::Signed;
use crate::app::App;
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use crate::wire::{self, ReceiptKind};
use p2p_edge::ProblemDetails;
use p2p_edge::json::is_json;

/// A payment that a provider has seen. Fields that are not named here are for others.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "for the documentation: it is read from the body as it was signed"
)]
#[schema(example = json!({
    "callback_id": "cb_4711",
    "deal_reference": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "payment_reference": "SEPA 2025-04-18 0042",
    "amount": "99.50",
    "currency": "EUR"
}))]
pub(crate) struct PaymentReportRequest {
    /// What the provider calls the report; the same each time it is sent.
    #[schema(min_length = 1, max_length = 200)]
    callback_id: String,
    /// What the payer gave as the purpose: the deal's id, or the user's whose wallet is to gain, if all is well.
    #[schema(min_length = 1, max_length = 200)]
    deal_reference: String,
    /// What the provider calls the payment.
    #[schema(min_length = 1, max_length = 200)]
    payment_reference: String,
    /// What was paid.
    #[schema(value_type = wire::AnyAmount)]
    amount: wire::Amount,
    currency: wire::Asset,
    /// The provider's name; if it is there it must be the one that has signed.
    provider: Option<String>,
}

/// What became of a report.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "APPLIED", "outcome": "APPLIED"}))]
pub(crate) struct PaymentReportAnswer {
    status: wire::Receipt,
    /// Left out with DUPLICATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<wire::ReportOutcome>,
}

impl From<Received> for PaymentReportAnswer {
    fn from(received: Received) -> Self {
        let (kind, outcome) = match received {
            Received::Now(ReportOutcome::Applied) => {
                (ReceiptKind::Applied, Some(ReportOutcome::Applied))
            }
            Received::Now(outcome) => (ReceiptKind::Recorded, Some(outcome)),
            Received::Before => (ReceiptKind::Duplicate, None),
        };
        Self {
            status: wire::Receipt(kind),
            outcome: outcome.map(wire::ReportOutcome),
        }
    }
}

/// Report a payment.
///
/// For payment providers: no token, but a signature. `X-Signature` has the time of sending and HMAC-SHA256, under the secret
/// that the provider shares with this market, of that time, a dot and the body as it is sent; while a secret is being
/// changed there may be several `v1`. A report older than five minutes (a setting) is refused. If the report names a deal
/// that awaits payment, in the right currency and the right amount, the payment is confirmed by it. If it names a user, it
/// is a deposit: what was paid is booked to that user's wallet. Otherwise it is kept for moderators. The same `callback_id`
/// has its effect once, however often it is sent: it is the report's idempotency key.
#[utoipa::path(
    post,
    path = "/api/callbacks/payments",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::PUBLIC)
            .class(Class::Callback)
            .idempotency(Idempotency::OwnId)
    ))),
    params(
        ("X-Provider" = String, Header, description = "The provider's name.", example = "acme-pay"),
        (
            "X-Signature" = String,
            Header,
            description = "`t=<unix seconds>,v1=<hex>`: the hex of HMAC-SHA256 over `t.body`.",
            example = "t=1744988400,v1=bbf92b0ca26f93c44420813adad22cae0c2d31876549e46cd9f6c40523b32469"
        ),
    ),
    request_body = PaymentReportRequest,
    responses(
        (status = 200, description = "The report is kept.", body = PaymentReportAnswer),
        (
            status = 401,
            description = "`SIGNATURE_MISSING`: a header is missing. `SIGNATURE_INVALID`: unknown provider and wrong \
                signature are not told apart. `SIGNATURE_EXPIRED`: signed too long ago, or in the future."
        ),
        (status = 422, description = "`INVALID_REPORT`: JSON, but no payment report."),
    )
)]
pub(crate) async fn receive_payment_report(
    State(app): State<App>,
    signed: Signed,
) -> Result<Json<PaymentReportAnswer>, Problem> {
    let payment = ReportedPayment::read(&signed.body, Some(&signed.provider)).map_err(|error| {
        if is_json(&signed.body) {
            Problem::invalid_report(error.to_string())
        } else {
            ProblemDetails::not_json(error.to_string()).into()
        }
    })?;
    let report = app.market().fresh();
    let received = app
        .market()
        .execute(ReceivePayment { report, payment })
        .await?;
    Ok(Json(received.into()))
}

//! `GET /api/p2p/payment-reports`.

use axum::Json;
use axum::extract::State;
use p2p_application::payment_report::{ReportList, list_reports};
use p2p_domain::PaymentReport;
use p2p_domain::Role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::TAG;
use crate::app::App;
use crate::cursor;
use crate::extract::{Auth, Query};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::{DEFAULT_LIMIT, Page};

/// A payment as a provider has reported it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "report_id": "report_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "provider": "acme-pay",
    "callback_id": "cb_4711",
    "deal_reference": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "payment_reference": "SEPA 2025-04-18 0042",
    "amount": "99.00",
    "currency": "EUR",
    "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "outcome": "WRONG_AMOUNT",
    "received_at": "2025-04-18T15:00:00Z"
}))]
pub(crate) struct PaymentReportView {
    report_id: wire::ReportId,
    /// Who reports it.
    provider: String,
    callback_id: String,
    deal_reference: String,
    payment_reference: String,
    /// What was paid.
    amount: wire::Money,
    currency: wire::Asset,
    /// The deal that it names; `null` where it names none.
    #[schema(required = true)]
    offer_id: Option<wire::OfferId>,
    outcome: wire::ReportOutcome,
    received_at: wire::Time,
}

impl From<PaymentReport> for PaymentReportView {
    fn from(report: PaymentReport) -> Self {
        Self {
            report_id: wire::ReportId(report.id),
            provider: report.provider,
            callback_id: report.callback,
            deal_reference: report.deal_reference,
            payment_reference: report.payment_reference,
            amount: wire::Money(report.paid),
            currency: wire::Asset(report.paid.asset()),
            offer_id: report.offer.map(wire::OfferId),
            outcome: wire::ReportOutcome(report.outcome),
            received_at: wire::Time(report.received_at),
        }
    }
}

/// Which reports to list.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListPaymentReportsQuery {
    /// Only those that confirmed a payment, or only those that did not and are to be looked into.
    #[param(example = false)]
    applied: Option<bool>,
    /// Only those about this deal.
    #[param(inline)]
    offer_id: Option<wire::OfferId>,
    /// The `next_cursor` of the page before.
    #[serde(alias = "after")]
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many at most.
    #[validate(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// List payment reports.
///
/// For MODERATOR: newest first. `applied=false` has those that fit no deal.
#[utoipa::path(
    get,
    path = "/api/p2p/payment-reports",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::role(Role::Moderator))))),
    params(ListPaymentReportsQuery),
    responses(
        (status = 200, description = "A page of reports.", body = Page<PaymentReportView>),
        (status = 403, description = "`ROLE_REQUIRED`: MODERATOR."),
    )
)]
pub(crate) async fn list_payment_reports(
    State(app): State<App>,
    Auth(caller): Auth,
    Query(query): Query<ListPaymentReportsQuery>,
) -> Result<Json<Page<PaymentReportView>>, Problem> {
    let list = ReportList {
        applied: query.applied,
        offer: query.offer_id.map(|offer| offer.0),
        after: cursor::read_id(query.cursor.as_deref())?,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = list_reports(app.market(), caller, list).await?;
    let cursor = |report: &PaymentReport| report.id.to_string();
    Ok(Json(Page::of(page.items, page.more, cursor, Into::into)))
}

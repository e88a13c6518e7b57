//! `POST /api/orders/{order_id}/refund`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::payment::RefundPayment;
use p2p_domain::OrderId;
use p2p_domain::Role;

use super::TAG;
use super::view::RefundAnswer;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, NoBody, ok};
use crate::policy::{Access, Policy, StepUp};
use crate::problem::Problem;
use crate::wire;

/// Refund an order.
///
/// For ADMIN. What was paid goes from the merchant back to the buyer, who is told; refunded twice it is refunded once. No
/// body is needed.
#[utoipa::path(
    post,
    path = "/api/orders/{order_id}/refund",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::not_owner_with(Role::Admin))
            .step_up(StepUp::Required)
    ))),
    params(("order_id" = inline(wire::OrderId), Path)),
    responses(
        (status = 200, description = "The money is back.", body = RefundAnswer),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN."),
        (status = 404, description = "`PAYMENT_NOT_FOUND`: there is no such order, or its payment is not decided yet."),
        (status = 409, description = "`PAYMENT_DECLINED`: nothing was paid."),
        (status = 422, description = "`COUNTERPARTY_INSUFFICIENT_FUNDS`: the merchant has not enough left. \
            `BALANCE_TOO_LARGE`."),
    )
)]
pub(crate) async fn refund_order(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(order): PathId<OrderId>,
    Idempotent(NoBody, once): Idempotent<NoBody>,
) -> Result<Response, Problem> {
    let command = RefundPayment { caller, order };
    once.carry_out(&app, caller, command, |refunded| {
        ok(&RefundAnswer::from(refunded))
    })
    .await
}

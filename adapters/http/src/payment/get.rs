//! `GET /api/payments/{payment_id}`.

use axum::Json;
use axum::extract::State;
use p2p_domain::PaymentId;
use p2p_domain::Role;

use super::TAG;
use super::view::PaymentView;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;

/// Get a payment.
///
/// For the user who requested it, the owners of its accounts, MODERATOR and ADMIN. Payments of orders are here as well.
#[utoipa::path(
    get,
    path = "/api/payments/{payment_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Moderator))))),
    params(("payment_id" = inline(wire::PaymentId), Path)),
    responses(
        (status = 200, description = "The payment.", body = PaymentView),
        (status = 404, description = "`PAYMENT_NOT_FOUND`: there is no such payment, or it belongs to another user."),
    )
)]
pub(crate) async fn get_payment(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(payment): PathId<PaymentId>,
) -> Result<Json<PaymentView>, Problem> {
    let payment = p2p_application::payment::get_payment(app.market(), caller, payment).await?;
    Ok(Json(payment.into()))
}

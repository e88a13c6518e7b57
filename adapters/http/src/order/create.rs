//! `POST /api/orders`.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use p2p_application::order::{CreateOrder, await_order};
use p2p_application::ports::Reply;
use p2p_domain::Role;
use p2p_domain::order::OrderStatus;
use p2p_domain::purchase::DEFAULT_ASSET;
use p2p_domain::user::{Caller, Email};
use p2p_domain::{Order, OrderId};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::prefer::Wait;
use super::view::OrderView;
use crate::app::App;
use crate::extract::Auth;
use crate::idempotency::{Idempotent, created, respond};
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A new order. Names in camelCase (`userId`) are accepted as well.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "email": "ada@example.com",
    "amount": 500,
    "description": "A kettle"
}))]
pub(crate) struct CreateOrderRequest {
    /// May be left out; otherwise it must be the caller.
    #[serde(alias = "userId")]
    user_id: Option<wire::UserId>,
    /// May be left out; otherwise it must be the caller's.
    #[validate(email, length(max = 254))]
    #[schema(max_length = 254, format = "email")]
    email: Option<String>,
    /// What it costs. `price` is accepted as well.
    #[serde(alias = "price")]
    amount: wire::Amount,
    /// RUB if left out.
    asset: Option<wire::Asset>,
    /// Who is paid; the market's own shop if left out.
    #[serde(alias = "merchantId")]
    merchant_id: Option<wire::UserId>,
    #[serde(default)]
    #[validate(length(max = 500))]
    #[schema(max_length = 500)]
    description: String,
    /// An id of the client's own making; the same order under the same id is the same order.
    #[serde(alias = "orderId")]
    order_id: Option<wire::OrderId>,
}

/// Create an order.
///
/// For CUSTOMER. The order is NEW at once; its payment from the caller's wallet comes after it, and makes it FINISHED or
/// CANCELLED: a notification tells of it. With `Prefer: wait=10` the answer is held back for ten seconds at most (never
/// longer than a request may take, and never longer than half a minute) until the payment is decided, and shows the order
/// as it stands then. The same request under the same key is the same order, however often it is sent, and may wait again.
#[utoipa::path(
    post,
    path = "/api/orders",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::role(Role::Customer))
            .idempotency(Idempotency::KeyRequired)
    ))),
    params((
        "Prefer" = Option<String>,
        Header,
        description = "`wait=N`: the client would rather wait up to N seconds for the payment (RFC 7240).",
        example = "wait=10"
    )),
    request_body = CreateOrderRequest,
    responses(
        (
            status = 201,
            description = "The order is made.",
            body = OrderView,
            headers(("Preference-Applied" = String, description = "`wait`, where the answer has waited."))
        ),
        (status = 403, description = "`ROLE_REQUIRED`: CUSTOMER. `IDENTITY_MISMATCH`: the body names another user."),
        (status = 404, description = "`USER_NOT_FOUND`: the token is good, but the account is gone."),
        (status = 409, description = "`ORDER_EXISTS`: the order id names another order. `SELF_DEAL`: the merchant is the \
            caller."),
        (status = 422, description = "`TOO_MANY_DECIMALS`, `AMOUNT_NOT_POSITIVE`, `AMOUNT_TOO_LARGE`, or a body that can't \
            be used."),
    )
)]
pub(crate) async fn create_order(
    State(app): State<App>,
    Auth(caller): Auth,
    Wait(wait): Wait,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<CreateOrderRequest>>,
) -> Result<Response, Problem> {
    if let Some(user) = body.user_id {
        caller.claims_to_be(user.0)?;
    }
    let command = CreateOrder {
        id: body
            .order_id
            .map_or_else(|| app.market().fresh(), |order| order.0),
        chosen: body.order_id.is_some(),
        caller,
        merchant: body.merchant_id.map(|merchant| merchant.0),
        asset: body.asset.map_or(DEFAULT_ASSET, |asset| asset.0),
        amount: body.amount.0,
        description: body.description,
        email: body.email.as_deref().map(Email::new),
    };
    let render = |order: Order| created(&OrderView::from(order));
    let (reply, headers) = once.reply(&app, caller, command, render).await?;
    let response = match (wait, order_of(&reply)) {
        (Some(until), Some(order)) => waited(&app, caller, order, until, reply).await,
        _ => respond(reply),
    };
    Ok((headers, response).into_response())
}

/// Which order an answer shows: it may have been given long before.
fn order_of(reply: &Reply) -> Option<OrderId> {
    #[derive(Deserialize)]
    struct Shown {
        order_id: wire::OrderId,
    }
    let shown: Option<Shown> = serde_json::from_slice(&reply.body).ok();
    shown.map(|shown| shown.order_id.0)
}

/// The order once its payment is decided, or as it is when the time is up. The order is made: whatever goes wrong with the
/// waiting, that much can be said. Waiting holds a stream permit; without one the order is returned at once.
async fn waited(
    app: &App,
    caller: Caller,
    order: OrderId,
    until: Instant,
    reply: Reply,
) -> Response {
    let Ok(_place) = app
        .state()
        .streams
        .acquire(caller.user, app.settings().streams)
    else {
        return respond(reply);
    };
    let applied = [(PREFERENCE_APPLIED, HeaderValue::from_static("wait"))];
    let waiting = await_order(app.market(), &app.state().hub, caller, order, until);
    let found = tokio::select! {
        () = app.state().stop.cancelled() => return respond(reply),
        found = timeout_at(until, waiting) => found,
    };
    match found {
        Ok(Ok(order)) if order.status() != OrderStatus::New => {
            (applied, respond(created(&OrderView::from(order)))).into_response()
        }
        // Nothing new: what was recorded says it, byte for byte.
        Ok(Ok(_)) | Err(_) => (applied, respond(reply)).into_response(),
        Ok(Err(error)) => {
            tracing::warn!(?error, %order, "waiting for an order's payment failed");
            respond(reply)
        }
    }
}

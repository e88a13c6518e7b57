//! `PATCH /api/p2p/exchanger/{exchanger_id}/status`, and the same under `/api/v1/users/{user_id}/status`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::exchanger::SwitchOnline;
use p2p_domain::Role;
use p2p_domain::UserId;
use p2p_domain::user::Caller;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::ExchangerAnswer;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, Once, ok};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// Where the switch is to be.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"online": true}))]
pub(crate) struct SwitchRequest {
    online: bool,
}

/// Go online or offline.
///
/// For EXCHANGER, on the own account only. Only exchangers who are online get offers; who leaves too many in a row
/// unanswered while online is frozen until a moderator decides otherwise.
#[utoipa::path(
    patch,
    path = "/api/p2p/exchanger/{exchanger_id}/status",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::owner_with(Role::Exchanger))))),
    params(("exchanger_id" = inline(wire::UserId), Path)),
    request_body = SwitchRequest,
    responses(
        (status = 200, description = "The switch is where it was asked to be.", body = ExchangerAnswer),
        (status = 403, description = "`ROLE_REQUIRED`: EXCHANGER. `IDENTITY_MISMATCH`: the path names another user."),
        (status = 404, description = "`EXCHANGER_NOT_FOUND`"),
    )
)]
pub(crate) async fn set_exchanger_status(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(exchanger): PathId<UserId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<SwitchRequest>>,
) -> Result<Response, Problem> {
    switch(&app, once, caller, exchanger, body.online).await
}

/// Go online or offline (the same under another path).
///
/// As `PATCH /api/p2p/exchanger/{exchanger_id}/status`.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{user_id}/status",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::owner_with(Role::Exchanger))))),
    params(("user_id" = inline(wire::UserId), Path)),
    request_body = SwitchRequest,
    responses(
        (status = 200, description = "The switch is where it was asked to be.", body = ExchangerAnswer),
        (status = 403, description = "`ROLE_REQUIRED`: EXCHANGER. `IDENTITY_MISMATCH`: the path names another user."),
        (status = 404, description = "`EXCHANGER_NOT_FOUND`"),
    )
)]
pub(crate) async fn set_user_status(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(exchanger): PathId<UserId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<SwitchRequest>>,
) -> Result<Response, Problem> {
    switch(&app, once, caller, exchanger, body.online).await
}

async fn switch(
    app: &App,
    once: Once,
    caller: Caller,
    exchanger: UserId,
    online: bool,
) -> Result<Response, Problem> {
    let command = SwitchOnline {
        caller,
        exchanger,
        online,
    };
    once.carry_out(app, caller, command, |exchanger| {
        ok(&ExchangerAnswer::of(&exchanger, "Exchanger status updated"))
    })
    .await
}

//! `PATCH /api/users/me`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::user::SetLanguage;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::UserView;
use crate::app::App;
use crate::extract::Auth;
use crate::idempotency::{Idempotent, ok};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// Changes to the caller's account.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"language": "ru"}))]
pub(crate) struct UpdateMeRequest {
    /// In which notifications are shown, those of the past too. Open streams keep the one that they began with.
    language: wire::Language,
}

/// Update the caller's account.
///
/// For any authenticated user.
#[utoipa::path(
    patch,
    path = "/api/users/me",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::AUTHENTICATED)))),
    request_body = UpdateMeRequest,
    responses(
        (status = 200, description = "The account as it is now.", body = UserView),
        (status = 404, description = "`USER_NOT_FOUND`: the token is good, but the account is gone."),
    )
)]
pub(crate) async fn update_me(
    State(app): State<App>,
    Auth(caller): Auth,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<UpdateMeRequest>>,
) -> Result<Response, Problem> {
    let language = body.language.0;
    once.carry_out(&app, caller, SetLanguage { caller, language }, |user| {
        ok(&UserView::from(user))
    })
    .await
}

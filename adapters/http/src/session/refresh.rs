//! `POST /api/auth/refresh`.

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use p2p_application::session::refresh as renew;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::TokensAnswer;
use crate::app::App;
use crate::extract::ClientOrigin;
use crate::limits::count_caller;
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use p2p_edge::JsonBody;

/// The refresh token.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"refresh_token": "eyJhbGciOi…"}))]
pub(crate) struct RefreshRequest {
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, format = "password")]
    refresh_token: String,
}

/// Refresh a session.
///
/// For the holder of the session's refresh token; no access token is needed. The answer has the next tokens, and the refresh token
/// that was sent is used up. If it comes a second time, it was copied: the whole session ends at once, and with it
/// the access tokens that came of it. So there is no idempotency key; where an answer was lost, log in again.
#[utoipa::path(
    post,
    path = "/api/auth/refresh",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::PUBLIC)
            .idempotency(Idempotency::SecretAnswer)
    ))),
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "The next tokens.", body = TokensAnswer),
        (
            status = 401,
            description = "`SESSION_OVER`: it has ended, was left alone for too long, or the token is not the one that is good."
        ),
    )
)]
pub(crate) async fn refresh(
    State(app): State<App>,
    ClientOrigin(origin): ClientOrigin,
    parts: Parts,
    JsonBody(body): JsonBody<RefreshRequest>,
) -> Result<Json<TokensAnswer>, Problem> {
    let whose = app
        .market()
        .tokens()
        .verify_refresh(&body.refresh_token, app.market().now());
    count_caller(
        &parts,
        &app.state().limits,
        whose.ok().map(|refresh| refresh.user),
    )
    .await?;
    let entered = renew(app.market(), &body.refresh_token, origin).await?;
    Ok(Json(entered.into()))
}

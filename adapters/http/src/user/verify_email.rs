//! `POST /api/auth/verify-email`.

use axum::extract::State;
use axum::http::StatusCode;
use p2p_application::limits::Class;
use p2p_application::user::verify_email as verify;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG_AUTH;
use crate::app::App;
use crate::extract::ClientOrigin;
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use p2p_edge::JsonBody;

/// What the link in the mail carries.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "eyJhbGciOi…"}))]
pub(crate) struct VerifyEmailRequest {
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, format = "password")]
    token: String,
}

/// Verify an e-mail address.
///
/// For the recipient of the mail; no access token is needed. A repeat has no effect, so it needs no idempotency key.
#[utoipa::path(
    post,
    path = "/api/auth/verify-email",
    tag = TAG_AUTH,
    extensions(("x-policy" = json!(
        Policy::change(Access::PUBLIC)
            .class(Class::Login)
            .idempotency(Idempotency::Repeatable)
    ))),
    request_body = VerifyEmailRequest,
    responses(
        (status = 204, description = "The address is verified."),
        (status = 422, description = "`LINK_SPENT`: the link is invalid or has expired; or a body that can't be used."),
    )
)]
pub(crate) async fn verify_email(
    State(app): State<App>,
    ClientOrigin(origin): ClientOrigin,
    JsonBody(body): JsonBody<VerifyEmailRequest>,
) -> Result<StatusCode, Problem> {
    verify(app.market(), &body.token, origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `POST /api/auth/password/reset`.

use axum::extract::State;
use axum::http::StatusCode;
use p2p_application::limits::Class;
use p2p_application::user::reset_password as reset;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::{TAG_AUTH, check_password};
use crate::app::App;
use crate::extract::ClientOrigin;
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::{Problem, of_password};
use p2p_edge::JsonBody;
use p2p_edge::run_to_completion;

/// What the link in the mail carries, and the password from now on.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "password-eyJhbGciOi…", "new_password": "correct horse battery"}))]
pub(crate) struct ResetPasswordRequest {
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, format = "password")]
    token: String,
    /// At least 12 characters, at most 200 bytes; none that is known from breaches or made of name and address.
    #[validate(custom(function = check_password))]
    #[schema(min_length = 12, max_length = 200, format = "password")]
    new_password: String,
}

/// Choose a new password by a link.
///
/// For the recipient of the mail; no access token is needed. All sessions of the account end; if too many log-ins have failed, the
/// door is open again. The second factor stays. The link is good once, so it needs no idempotency key.
#[utoipa::path(
    post,
    path = "/api/auth/password/reset",
    tag = TAG_AUTH,
    extensions(("x-policy" = json!(
        Policy::change(Access::PUBLIC)
            .class(Class::Login)
            .idempotency(Idempotency::Repeatable)
    ))),
    request_body = ResetPasswordRequest,
    responses(
        (status = 204, description = "The password is set: log in."),
        (
            status = 422,
            description = "`LINK_SPENT`: the link is invalid or has expired. `WEAK_PASSWORD`: it is too easy to guess. Or a \
                body that can't be used."
        ),
    )
)]
pub(crate) async fn reset_password(
    State(app): State<App>,
    ClientOrigin(origin): ClientOrigin,
    JsonBody(body): JsonBody<ResetPasswordRequest>,
) -> Result<StatusCode, Problem> {
    run_to_completion(
        async move { reset(app.market(), &body.token, body.new_password, origin).await },
    )
    .await
    .map_err(of_password("new_password"))?;
    Ok(StatusCode::NO_CONTENT)
}

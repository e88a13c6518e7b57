//! `POST /api/auth/password`.

use axum::extract::State;
use axum::http::StatusCode;
use p2p_application::limits::Class;
use p2p_application::user::change_password as change;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::{TAG, check_password};
use crate::app::App;
use crate::extract::{Auth, ClientOrigin};
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::{Problem, of_password};
use p2p_edge::JsonBody;
use p2p_edge::run_to_completion;

/// The password until now, and the one from now on.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"current_password": "correct horse battery", "new_password": "a staple of another kind"}))]
pub(crate) struct ChangePasswordRequest {
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200, format = "password")]
    current_password: String,
    /// At least 12 characters, at most 200 bytes; none that is known from breaches or made of name and address.
    #[validate(custom(function = check_password))]
    #[schema(min_length = 12, max_length = 200, format = "password")]
    new_password: String,
}

/// Change the caller's password.
///
/// For any authenticated user. All other sessions end, and a mail tells of it. A wrong current password counts like a
/// log-in that failed. No idempotency key: the second time the current password is another one.
#[utoipa::path(
    post,
    path = "/api/auth/password",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::AUTHENTICATED)
            .class(Class::Login)
            .idempotency(Idempotency::Repeatable)
    ))),
    request_body = ChangePasswordRequest,
    responses(
        (status = 204, description = "The password is changed."),
        (
            status = 401,
            description = "`BAD_CREDENTIALS`: the current password is another one. `UNAUTHENTICATED`: no token. \
                `INVALID_TOKEN`. `TOKEN_EXPIRED`. `SESSION_OVER`: it was ended."
        ),
        (status = 422, description = "`WEAK_PASSWORD`: it is too easy to guess, or a body that can't be used."),
        (status = 429, description = "`TOO_MANY_ATTEMPTS`: too many have failed; `Retry-After` says how long to wait."),
    )
)]
pub(crate) async fn change_password(
    State(app): State<App>,
    Auth(caller): Auth,
    ClientOrigin(origin): ClientOrigin,
    JsonBody(body): JsonBody<ChangePasswordRequest>,
) -> Result<StatusCode, Problem> {
    let (current, new) = (body.current_password, body.new_password);
    run_to_completion(async move { change(app.market(), caller, current, new, origin).await })
        .await
        .map_err(of_password("new_password"))?;
    Ok(StatusCode::NO_CONTENT)
}

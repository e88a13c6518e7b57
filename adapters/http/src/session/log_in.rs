//! `POST /api/auth/login`.

use axum::Json;
use axum::extract::State;
use p2p_application::limits::Class;
use p2p_application::session::{Credentials, log_in as enter};
use p2p_domain::user::Email;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::TokensAnswer;
use crate::app::App;
use crate::extract::ClientOrigin;
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use p2p_edge::JsonBody;
use p2p_edge::run_to_completion;

/// The credentials of a user.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ada@example.com", "password": "correct horse battery"}))]
pub(crate) struct LogInRequest {
    #[validate(length(min = 1, max = 254))]
    #[schema(min_length = 1, max_length = 254, format = "email")]
    email: String,
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200, format = "password")]
    password: String,
    /// A code of the authenticator, or a recovery code: where the account has a second factor.
    #[validate(length(min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64)]
    code: Option<String>,
}

/// Log in.
///
/// Public: no token is needed. A session begins: copy the `access_token` of the answer into the **Authorize** dialog of
/// this page. It is good for a short time; then `POST /api/auth/refresh` exchanges the `refresh_token` for the next ones.
///
/// After a few attempts in a row that have failed the next one has to wait, a second at first and twice as long each time; after
/// many the account is locked for a day, and the owner gets a mail with a way out. An address that has no account is treated like one
/// that has. Where many log-ins have failed from one address, whatever accounts they named, all log-ins from it have to wait, a minute at most.
///
/// The answer is a secret: it is kept nowhere, so there is no idempotency key.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::PUBLIC)
            .class(Class::Login)
            .idempotency(Idempotency::SecretAnswer)
    ))),
    request_body = LogInRequest,
    responses(
        (status = 200, description = "Logged in.", body = TokensAnswer),
        (
            status = 401,
            description = "`BAD_CREDENTIALS`: unknown user and wrong password are not told apart. `SECOND_FACTOR_REQUIRED`: the \
                password is right, and `code` is missing. `SECOND_FACTOR_WRONG`: no code of this second factor, or one that was \
                used before."
        ),
        (status = 403, description = "`EMAIL_NOT_VERIFIED`: the password is right, and a mail is on its way (a setting)."),
        (status = 429, description = "`TOO_MANY_ATTEMPTS`: too many have failed; `Retry-After` says how long to wait."),
    )
)]
pub(crate) async fn log_in(
    State(app): State<App>,
    ClientOrigin(origin): ClientOrigin,
    JsonBody(body): JsonBody<LogInRequest>,
) -> Result<Json<TokensAnswer>, Problem> {
    let credentials = Credentials {
        email: Email::new(&body.email),
        password: body.password,
        code: body.code,
        origin,
    };
    let entered = run_to_completion(async move { enter(app.market(), credentials).await }).await?;
    Ok(Json(entered.into()))
}

//! `POST /api/auth/login`.

use axum::Json as Answer;
use axum::extract::State;
use domain::user::Email;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::TAG_AUTH;
use super::view::UserView;
use crate::app::App;
use crate::extract::Json;
use crate::problem::{Problem, log_in_failed};
use crate::wire;

/// Who somebody is, and the proof.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ada@example.com", "password": "correct horse battery"}))]
pub(crate) struct LogInRequest {
    #[validate(length(min = 1, max = 254))]
    #[schema(max_length = 254, format = "email")]
    email: String,
    #[validate(length(min = 1, max = 200))]
    #[schema(max_length = 200, format = "password")]
    password: String,
}

/// An access token.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOi…",
    "token_type": "Bearer",
    "expires_at": "2025-04-18T15:15:00Z",
    "user": {
        "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
        "email": "ada@example.com",
        "name": "Ada",
        "roles": ["CUSTOMER"],
        "language": "en",
        "created_at": "2025-04-18T15:00:00Z"
    }
}))]
pub(crate) struct LogInAnswer {
    /// To be sent as `Authorization: Bearer …` with every request. A secret.
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    expires_at: wire::Time,
    user: UserView,
}

/// Log in.
///
/// For everybody; no token is needed. Copy the `access_token` of the answer into the **Authorize** dialog of this page.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = TAG_AUTH,
    security(()),
    request_body = LogInRequest,
    responses(
        (status = 200, description = "Logged in.", body = LogInAnswer),
        (status = 401, description = "`BAD_CREDENTIALS`: unknown user and wrong password are not told apart."),
    )
)]
pub(crate) async fn log_in(
    State(app): State<App>,
    Json(body): Json<LogInRequest>,
) -> Result<Answer<LogInAnswer>, Problem> {
    let email = Email::new(&body.email);
    let entered = application::user::log_in(&app, &email, body.password)
        .await
        .map_err(log_in_failed)?;
    Ok(Answer(LogInAnswer {
        access_token: entered.access.token,
        token_type: "Bearer",
        expires_at: wire::Time(entered.access.expires_at),
        user: entered.user.into(),
    }))
}

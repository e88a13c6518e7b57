//! `POST /api/auth/register`.

use application::user::RegisterUser;
use axum::extract::State;
use axum::response::Response;
use domain::user::Email;
use domain::{Language, Role};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::view::UserView;
use super::{TAG_AUTH, check_password};
use crate::app::App;
use crate::idempotency::{Change, Scope, created};
use crate::problem::{Problem, passwords_failed};
use crate::wire;

/// A new account.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "email": "ada@example.com",
    "name": "Ada",
    "password": "correct horse battery",
    "language": "en"
}))]
pub(crate) struct RegisterRequest {
    #[validate(email, length(max = 254))]
    #[schema(max_length = 254, format = "email")]
    email: String,
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// At least 12 characters, at most 200 bytes.
    #[validate(custom(function = check_password))]
    #[schema(min_length = 12, max_length = 200, format = "password")]
    password: String,
    /// In which to be told things; English if left out.
    language: Option<wire::Language>,
}

/// Open an account for oneself.
///
/// For everybody; no token is needed. The account has the role CUSTOMER and a wallet in every asset. Further roles are an
/// administrator's to give.
#[utoipa::path(
    post,
    path = "/api/auth/register",
    tag = TAG_AUTH,
    security(()),
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "The account is open: log in.", body = UserView),
        (status = 409, description = "`EMAIL_TAKEN`"),
    )
)]
pub(crate) async fn register(
    State(app): State<App>,
    Change { body, once }: Change<RegisterRequest>,
) -> Result<Response, Problem> {
    let hash = app
        .passwords()
        .hash(body.password)
        .await
        .map_err(|error| passwords_failed(&error))?;
    let roles = [Role::Customer].into();
    let email = Email::new(&body.email);
    let language = body
        .language
        .map_or(Language::English, |language| language.0);
    let by = Scope::from(&email);
    let command =
        RegisterUser::new(app.ids(), email, body.name, roles, Some(hash)).speaking(language);
    once.carry_out(&app, by, command, |user| created(&UserView::from(user)))
        .await
}

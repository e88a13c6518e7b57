//! `POST /api/auth/register`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use p2p_application::limits::Class;
use p2p_application::user::{RegisterUser, request_verification, require_strong_password};
use p2p_domain::user::Email;
use p2p_domain::{Language, Role};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::view::UserView;
use super::{TAG_AUTH, check_name, check_password};
use crate::app::App;
use crate::extract::ClientOrigin;
use crate::idempotency::{Idempotent, Scope, created, respond};
use crate::policy::{Access, Policy};
use crate::problem::{Problem, of_password};
use crate::wire;
use p2p_edge::JsonBody;
use p2p_edge::idempotency::REPLAYED;
use p2p_edge::run_to_completion;

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
    /// In one line, without control characters.
    #[validate(length(min = 1, max = 100), custom(function = check_name))]
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// At least 12 characters, at most 200 bytes; none that is known from breaches or made of name and address.
    #[validate(custom(function = check_password))]
    #[schema(min_length = 12, max_length = 200, format = "password")]
    password: String,
    /// In which to be told things; English if left out.
    language: Option<wire::Language>,
}

/// Open an account for oneself.
///
/// Public: no token is needed. The account has the role CUSTOMER and a wallet in every asset. Further roles are an
/// administrator's to give. A mail with a link goes to the address, to see that it reaches its owner.
#[utoipa::path(
    post,
    path = "/api/auth/register",
    tag = TAG_AUTH,
    extensions(("x-policy" = json!(Policy::change(Access::PUBLIC).class(Class::Login)))),
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "The account is open: log in.", body = UserView),
        (status = 409, description = "`EMAIL_TAKEN`"),
        (status = 422, description = "`WEAK_PASSWORD`: it is too easy to guess, or a body that can't be used."),
    )
)]
pub(crate) async fn register(
    State(app): State<App>,
    ClientOrigin(origin): ClientOrigin,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<RegisterRequest>>,
) -> Result<Response, Problem> {
    let email = Email::new(&body.email);
    require_strong_password(app.market(), &body.password, &email, &body.name)
        .await
        .map_err(of_password("password"))?;
    let hash = app.market().passwords().hash(body.password).await?;
    let roles = [Role::Customer].into();
    let language = body
        .language
        .map_or(Language::English, |language| language.0);
    let by = Scope::from(&email);
    let command = RegisterUser::new(
        app.market().ids(),
        email.clone(),
        body.name,
        roles,
        Some(hash),
    )
    .speaking(language)
    .from_address(origin.address);
    let render = |user| created(&UserView::from(user));
    run_to_completion(async move {
        let (reply, headers) = once.reply(&app, by, command, render).await?;
        let created = reply.tag == StatusCode::CREATED.as_u16();
        let is_new = created && !headers.contains_key(REPLAYED);
        if is_new && let Err(error) = request_verification(app.market(), &email).await {
            // The account is open all the same, and the mail can be asked for again.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "queueing the verification mail failed"
            );
        }
        Ok((headers, respond(reply)).into_response())
    })
    .await
}

//! `POST /api/users`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::user::{RegisterUser, require_strong_password};
use p2p_domain::Role;
use p2p_domain::user::Email;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::view::{UserView, roles};
use super::{TAG, check_name, check_password};
use crate::app::App;
use crate::extract::Auth;
use crate::idempotency::{Idempotent, created};
use crate::policy::{Access, Policy, StepUp};
use crate::problem::{Problem, of_password};
use crate::wire;
use p2p_edge::JsonBody;

/// A new account, opened by an administrator.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Test User",
    "email": "test@example.com",
    "roles": ["CUSTOMER", "EXCHANGER"]
}))]
pub(crate) struct CreateUserRequest {
    /// In one line, without control characters.
    #[validate(length(min = 1, max = 100), custom(function = check_name))]
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[validate(email, length(max = 254))]
    #[schema(max_length = 254, format = "email")]
    email: String,
    /// CUSTOMER alone if left out.
    #[validate(length(max = 4))]
    #[schema(max_items = 4)]
    roles: Option<Vec<wire::Role>>,
    /// At least 12 characters, at most 200 bytes; none that is known from breaches or made of name and address. Without one
    /// this user can't log in.
    #[validate(custom(function = check_password))]
    #[schema(min_length = 12, max_length = 200, format = "password")]
    password: Option<String>,
}

/// Open an account for another user.
///
/// For ADMIN. The account has a wallet in every asset.
#[utoipa::path(
    post,
    path = "/api/users",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::role(Role::Admin))
            .step_up(StepUp::Required)
    ))),
    request_body = CreateUserRequest,
    responses(
        (status = 201, description = "The account is open.", body = UserView),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN."),
        (status = 409, description = "`EMAIL_TAKEN`"),
        (status = 422, description = "`WEAK_PASSWORD`: it is too easy to guess, or a body that can't be used."),
    )
)]
pub(crate) async fn create_user(
    State(app): State<App>,
    Auth(caller): Auth,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<CreateUserRequest>>,
) -> Result<Response, Problem> {
    caller.require(Role::Admin)?;
    let email = Email::new(&body.email);
    let hash = match body.password {
        None => None,
        Some(password) => {
            require_strong_password(app.market(), &password, &email, &body.name)
                .await
                .map_err(of_password("password"))?;
            Some(app.market().passwords().hash(password).await?)
        }
    };
    let roles = body
        .roles
        .map_or([Role::Customer].into(), |names| roles(&names));
    let command = RegisterUser::new(app.market().ids(), email, body.name, roles, hash).by(caller);
    once.carry_out(&app, caller, command, |user| created(&UserView::from(user)))
        .await
}

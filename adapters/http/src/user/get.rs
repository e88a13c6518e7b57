//! `GET /api/users/me` and `GET /api/users/{user_id}`.

use axum::Json;
use axum::extract::State;
use p2p_domain::Role;
use p2p_domain::UserId;
use p2p_domain::user::Caller;

use super::TAG;
use super::view::UserDetails;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Policy};
use crate::problem::{Problem, storage_failed};
use crate::wire;

/// Look at the own account.
///
/// For any authenticated user.
#[utoipa::path(
    get,
    path = "/api/users/me",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    responses(
        (status = 200, description = "The account.", body = UserDetails),
        (status = 404, description = "`USER_NOT_FOUND`: the token is good, but the account is gone."),
    )
)]
pub(crate) async fn get_me(
    State(app): State<App>,
    Auth(caller): Auth,
) -> Result<Json<UserDetails>, Problem> {
    details(&app, caller, caller.user).await.map(Json)
}

/// Look at an account.
///
/// For ADMIN, and for the user.
#[utoipa::path(
    get,
    path = "/api/users/{user_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Admin))))),
    params(("user_id" = inline(wire::UserId), Path)),
    responses(
        (status = 200, description = "The account.", body = UserDetails),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN, to see another user."),
        (status = 404, description = "`USER_NOT_FOUND`"),
    )
)]
pub(crate) async fn get_user(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(user): PathId<UserId>,
) -> Result<Json<UserDetails>, Problem> {
    details(&app, caller, user).await.map(Json)
}

/// The account and what protects it, for who may see it.
async fn details(app: &App, caller: Caller, user: UserId) -> Result<UserDetails, Problem> {
    let (user, exchanger) = p2p_application::user::get_user(app.market(), caller, user).await?;
    let factor = app.market().queries().find_second_factor(user.id).await;
    let factor = factor.map_err(|error| storage_failed(&error))?;
    let is_active = factor.is_some_and(|factor| factor.is_active());
    Ok(UserDetails::new(user, exchanger, is_active))
}

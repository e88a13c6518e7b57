//! `GET /api/users/me` and `GET /api/users/{user_id}`.

use axum::Json as Answer;
use axum::extract::State;
use domain::UserId;

use super::TAG;
use super::view::UserDetails;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::problem::Problem;
use crate::wire;

/// Look at the own account.
///
/// For everybody who is logged in.
#[utoipa::path(
    get,
    path = "/api/users/me",
    tag = TAG,
    responses(
        (status = 200, description = "The account.", body = UserDetails),
        (status = 404, description = "`USER_NOT_FOUND`: the token is good, but the account is gone."),
    )
)]
pub(crate) async fn get_me(
    State(app): State<App>,
    Auth(caller): Auth,
) -> Result<Answer<UserDetails>, Problem> {
    let found = application::user::get_user(&app, caller, caller.user).await?;
    Ok(Answer(found.into()))
}

/// Look at an account.
///
/// For ADMIN; everybody else may look at the own one.
#[utoipa::path(
    get,
    path = "/api/users/{user_id}",
    tag = TAG,
    params(("user_id" = inline(wire::UserId), Path)),
    responses(
        (status = 200, description = "The account.", body = UserDetails),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN, to look at somebody else."),
        (status = 404, description = "`USER_NOT_FOUND`"),
    )
)]
pub(crate) async fn get_user(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(user): PathId<UserId>,
) -> Result<Answer<UserDetails>, Problem> {
    let found = application::user::get_user(&app, caller, user).await?;
    Ok(Answer(found.into()))
}

//! `DELETE /api/auth/2fa` and `DELETE /api/users/{user_id}/2fa`.

use axum::extract::State;
use axum::http::StatusCode;
use p2p_application::second_factor::remove;
use p2p_domain::Role;
use p2p_domain::UserId;

use super::TAG;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Idempotency, Policy, StepUp};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::run_to_completion;

/// Remove one's own second factor.
///
/// For users who have shown it within the last ten minutes (a setting). A mail tells of it. A repeat has no effect, so it needs
/// no idempotency key.
#[utoipa::path(
    delete,
    path = "/api/auth/2fa",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::AUTHENTICATED)
            .idempotency(Idempotency::Repeatable)
            .step_up(StepUp::Required)
    ))),
    responses(
        (status = 204, description = "No code is asked for any more."),
        (status = 409, description = "`SECOND_FACTOR_NOT_ENROLLED`: none is in use."),
    )
)]
pub(crate) async fn remove_own_second_factor(
    State(app): State<App>,
    Auth(caller): Auth,
) -> Result<StatusCode, Problem> {
    run_to_completion(async move { remove(app.market(), caller, caller.user).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove the second factor of a user.
///
/// For ADMIN: when a user has lost the authenticator and all recovery codes. That user is logged out everywhere, and a mail
/// tells of it. A repeat has no effect, so it needs no idempotency key.
#[utoipa::path(
    delete,
    path = "/api/users/{user_id}/2fa",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::owner_or(Role::Admin))
            .idempotency(Idempotency::Repeatable)
            .step_up(StepUp::Required)
    ))),
    params(("user_id" = inline(wire::UserId), Path)),
    responses(
        (status = 204, description = "No code is asked for any more."),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN."),
        (status = 404, description = "`USER_NOT_FOUND`"),
        (status = 409, description = "`SECOND_FACTOR_NOT_ENROLLED`: none is in use."),
    )
)]
pub(crate) async fn remove_second_factor(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(user): PathId<UserId>,
) -> Result<StatusCode, Problem> {
    run_to_completion(async move { remove(app.market(), caller, user).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

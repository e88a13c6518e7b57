//! `PUT /api/users/{user_id}/roles`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::user::SetRoles;
use p2p_domain::Role;
use p2p_domain::UserId;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::{UserView, roles};
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, ok};
use crate::policy::{Access, Policy, StepUp};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// The new roles of a user.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"roles": ["CUSTOMER", "EXCHANGER"]}))]
pub(crate) struct SetRolesRequest {
    /// Exactly these. None at all closes the account: it looks, and ends what it has begun, but begins nothing.
    #[validate(length(max = 4))]
    #[schema(max_items = 4)]
    roles: Vec<wire::Role>,
}

/// Set the roles of a user.
///
/// For ADMIN. Replaces all roles; tokens that are out already are good for the new ones, here at once, at other replicas within
/// seconds. Who stops being an exchanger goes offline; running deals go on.
#[utoipa::path(
    put,
    path = "/api/users/{user_id}/roles",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::not_owner_with(Role::Admin))
            .step_up(StepUp::Required)
    ))),
    params(("user_id" = inline(wire::UserId), Path)),
    request_body = SetRolesRequest,
    responses(
        (status = 200, description = "The account with its new roles.", body = UserView),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN."),
        (status = 404, description = "`USER_NOT_FOUND`"),
        (status = 409, description = "`OWN_ADMIN_ROLE`: administrators keep their own ADMIN role."),
    )
)]
pub(crate) async fn set_roles(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(user): PathId<UserId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<SetRolesRequest>>,
) -> Result<Response, Problem> {
    let roles = roles(&body.roles);
    let command = SetRoles {
        caller,
        user,
        roles,
    };
    once.carry_out(&app, caller, command, |user| ok(&UserView::from(user)))
        .await
}

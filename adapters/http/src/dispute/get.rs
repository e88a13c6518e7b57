//! `GET /api/p2p/disputes/{dispute_id}`.

use axum::Json;
use axum::extract::State;
use p2p_domain::DisputeId;
use p2p_domain::Role;

use super::TAG;
use super::view::DisputeDetails;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;

/// Get a dispute.
///
/// For the deal's two sides and MODERATOR: the dispute, its deal and all comments.
#[utoipa::path(
    get,
    path = "/api/p2p/disputes/{dispute_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Moderator))))),
    params(("dispute_id" = inline(wire::DisputeId), Path)),
    responses(
        (status = 200, description = "The dispute.", body = DisputeDetails),
        (status = 404, description = "`DISPUTE_NOT_FOUND`: there is no such dispute, or it belongs to another user."),
    )
)]
pub(crate) async fn get_dispute(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(dispute): PathId<DisputeId>,
) -> Result<Json<DisputeDetails>, Problem> {
    let view = p2p_application::dispute::get_dispute(app.market(), caller, dispute).await?;
    Ok(Json(view.into()))
}

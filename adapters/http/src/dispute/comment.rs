//! `POST /api/p2p/disputes/{dispute_id}/comments`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::dispute::CommentOnDispute;
use p2p_domain::DisputeId;
use p2p_domain::Role;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::CommentView;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, created};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// A comment.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "The bank statement is on its way"}))]
pub(crate) struct CommentRequest {
    #[validate(length(min = 1, max = 4000))]
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
}

/// Comment on a dispute.
///
/// For the deal's two sides and MODERATOR, while the dispute is open. Comments can't be changed.
#[utoipa::path(
    post,
    path = "/api/p2p/disputes/{dispute_id}/comments",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::owner_or(Role::Moderator))))),
    params(("dispute_id" = inline(wire::DisputeId), Path)),
    request_body = CommentRequest,
    responses(
        (status = 201, description = "The comment is added.", body = CommentView),
        (status = 404, description = "`DISPUTE_NOT_FOUND`: there is no such dispute, or it belongs to another user."),
        (status = 409, description = "`DISPUTE_ALREADY_RESOLVED`"),
    )
)]
pub(crate) async fn comment_on_dispute(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(dispute): PathId<DisputeId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<CommentRequest>>,
) -> Result<Response, Problem> {
    let command = CommentOnDispute {
        id: app.market().fresh(),
        caller,
        dispute,
        text: body.text,
    };
    once.carry_out(&app, caller, command, |comment| {
        created(&CommentView::from(comment))
    })
    .await
}

//! `DELETE /api/auth/sessions/{session_id}` and `DELETE /api/auth/sessions`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use p2p_application::session::{EndOtherSessions, EndSession};
use p2p_domain::SessionId;
use serde::Serialize;
use utoipa::ToSchema;

use super::TAG;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use crate::wire;

/// End one of the own sessions.
///
/// For any authenticated user. A repeat has no effect, so it needs no idempotency key. Its tokens are worth nothing any more: here at
/// once, at other replicas within seconds.
#[utoipa::path(
    delete,
    path = "/api/auth/sessions/{session_id}",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::OWNER)
            .idempotency(Idempotency::Repeatable)
    ))),
    params(("session_id" = inline(wire::SessionId), Path)),
    responses(
        (status = 204, description = "It is over."),
        (status = 404, description = "`SESSION_NOT_FOUND`: there is none, or it belongs to another user."),
    )
)]
pub(crate) async fn end_session(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(session): PathId<SessionId>,
) -> Result<StatusCode, Problem> {
    app.market().execute(EndSession { caller, session }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What came of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedAnswer {
    /// How many sessions were ended.
    #[schema(example = 2)]
    ended: usize,
}

/// End all other sessions.
///
/// For any authenticated user: every session except the current one. A repeat has no effect, so it needs no idempotency key.
#[utoipa::path(
    delete,
    path = "/api/auth/sessions",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::AUTHENTICATED)
            .idempotency(Idempotency::Repeatable)
    ))),
    responses((status = 200, description = "The others are over.", body = EndedAnswer))
)]
pub(crate) async fn end_other_sessions(
    State(app): State<App>,
    Auth(caller): Auth,
) -> Result<Json<EndedAnswer>, Problem> {
    let ended = app.market().execute(EndOtherSessions { caller }).await?;
    Ok(Json(EndedAnswer { ended }))
}

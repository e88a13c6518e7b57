//! `POST /api/auth/logout`.

use axum::extract::State;
use axum::http::StatusCode;
use p2p_application::session::EndSession;
use p2p_domain::Refusal;
use p2p_domain::refusal::SessionRefusal;

use super::TAG;
use crate::app::App;
use crate::extract::Auth;
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;

/// Log out.
///
/// For any authenticated user. The session ends, and all its tokens with it: here at once, at other replicas within seconds.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::AUTHENTICATED)
            .idempotency(Idempotency::Repeatable)
    ))),
    responses((status = 204, description = "Logged out."))
)]
pub(crate) async fn log_out(
    State(app): State<App>,
    Auth(caller): Auth,
) -> Result<StatusCode, Problem> {
    let session = caller
        .session
        .ok_or(Refusal::Session(SessionRefusal::Over))?;
    app.market().execute(EndSession { caller, session }).await?;
    Ok(StatusCode::NO_CONTENT)
}

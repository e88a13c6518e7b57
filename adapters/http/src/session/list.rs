//! `GET /api/auth/sessions`.

use axum::Json;
use axum::extract::State;
use p2p_application::session::list_sessions as open_sessions;

use super::TAG;
use super::view::SessionView;
use crate::app::App;
use crate::extract::Auth;
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use p2p_edge::Page;

/// List the own sessions.
///
/// For any authenticated user: the caller's open sessions, newest first, a hundred at most.
#[utoipa::path(
    get,
    path = "/api/auth/sessions",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    responses((status = 200, description = "The sessions that go on.", body = Page<SessionView>))
)]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    Auth(caller): Auth,
) -> Result<Json<Page<SessionView>>, Problem> {
    let sessions = open_sessions(app.market(), caller).await?.into_iter();
    Ok(Json(Page {
        items: sessions
            .map(|session| SessionView::of(session, caller.session))
            .collect(),
        next_cursor: None,
    }))
}

//! `GET /api/p2p/exchangers/frozen`.

use axum::Json;
use axum::extract::State;
use p2p_domain::Role;

use super::TAG;
use super::view::ExchangerView;
use crate::app::App;
use crate::extract::Auth;
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use p2p_edge::Page;

/// List frozen exchangers.
///
/// For MODERATOR: the queue of exchangers who wait for a decision, longest frozen first, a hundred at most.
#[utoipa::path(
    get,
    path = "/api/p2p/exchangers/frozen",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::role(Role::Moderator))))),
    responses(
        (status = 200, description = "The queue.", body = Page<ExchangerView>),
        (status = 403, description = "`ROLE_REQUIRED`: MODERATOR."),
    )
)]
pub(crate) async fn list_frozen_exchangers(
    State(app): State<App>,
    Auth(caller): Auth,
) -> Result<Json<Page<ExchangerView>>, Problem> {
    let frozen = p2p_application::exchanger::frozen_exchangers(app.market(), caller).await?;
    Ok(Json(Page {
        items: frozen.into_iter().map(Into::into).collect(),
        next_cursor: None,
    }))
}

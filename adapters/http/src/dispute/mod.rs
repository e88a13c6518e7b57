//! Disputes: both sides and moderators remark on them, a moderator decides. They are opened from their deal.

mod comment;
mod get;
mod list;
mod resolve;
pub(crate) mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Disputes";

/// The routes of disputes.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list::list_disputes))
        .routes(routes!(get::get_dispute))
        .routes(routes!(comment::comment_on_dispute))
        .routes(routes!(resolve::resolve_dispute))
}

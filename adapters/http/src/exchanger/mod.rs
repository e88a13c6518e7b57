//! Exchangers: their online switch, and the moderators' queue of the frozen.

mod frozen;
mod switch;
mod unfreeze;
pub(crate) mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Exchangers";

/// The routes of exchangers.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(switch::set_exchanger_status))
        .routes(routes!(switch::set_user_status))
        .routes(routes!(frozen::list_frozen_exchangers))
        .routes(routes!(unfreeze::unfreeze_exchanger))
}

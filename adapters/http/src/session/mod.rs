//! Sessions: log-in, the tokens that come of it, and its end. Answers with tokens are kept under no idempotency key.

mod end;
mod list;
mod log_in;
mod log_out;
mod refresh;
pub(crate) mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Sessions";

/// The routes of sessions.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(log_in::log_in))
        .routes(routes!(refresh::refresh))
        .routes(routes!(log_out::log_out))
        .routes(routes!(list::list_sessions, end::end_other_sessions))
        .routes(routes!(end::end_session))
}

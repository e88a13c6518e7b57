//! Withdrawals: asked for by their owners, decided by administrators. One file per operation.

mod browse;
mod decide;
mod request;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::wallet::TAG_BILLING as TAG;

/// The routes of withdrawals.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(
            request::request_withdrawal,
            browse::list_withdrawals
        ))
        .routes(routes!(browse::get_withdrawal))
        .routes(routes!(decide::approve_withdrawal))
        .routes(routes!(decide::reject_withdrawal))
}

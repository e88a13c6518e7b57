//! Payments from account to account, and what is on an account. One file per operation.

mod authorize;
mod balance;
mod get;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Payments";

/// The routes of payments.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(authorize::authorize_payment))
        .routes(routes!(get::get_payment))
        .routes(routes!(balance::get_account_balance))
}

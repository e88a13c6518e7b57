//! Payments outside, as payment providers report them, and the list of these reports for moderators.

mod callback;
mod list;
mod signature;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Payment reports";

/// The routes of payment reports.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(callback::receive_payment_report))
        .routes(routes!(list::list_payment_reports))
}

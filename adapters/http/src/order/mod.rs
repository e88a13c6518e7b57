//! Orders: made at once, paid by messages, and refunded by administrators. One file per operation.

mod browse;
mod create;
mod prefer;
mod refund;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Orders";

/// The routes of orders.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create::create_order, browse::list_orders))
        .routes(routes!(browse::get_order))
        .routes(routes!(refund::refund_order))
}

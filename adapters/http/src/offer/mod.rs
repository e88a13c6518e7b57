//! Deals. One file per operation, named as the use case is.

mod cancel;
mod confirm_payment;
mod confirm_receipt;
mod create;
mod get;
mod list;
mod open_dispute;
mod respond;
mod status;
pub(crate) mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Deals";

/// The routes of deals.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create::create_offer, list::list_offers))
        .routes(routes!(get::get_offer))
        .routes(routes!(status::get_offer_status))
        .routes(routes!(respond::respond_to_offer))
        .routes(routes!(confirm_payment::confirm_payment))
        .routes(routes!(confirm_receipt::confirm_receipt))
        .routes(routes!(cancel::cancel_offer))
        .routes(routes!(open_dispute::open_dispute))
}

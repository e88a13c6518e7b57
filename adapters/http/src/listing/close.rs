//! `DELETE /api/p2p/listings/{listing_id}`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::listing::CloseListing;
use p2p_domain::ListingId;

use super::TAG;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{BareChange, no_content};
use crate::problem::Problem;
use crate::wire;

/// Close a listing for good.
///
/// For the EXCHANGER who owns it. It takes no more offers and disappears from the lists; running deals go on. Closing it
/// twice is closing it once.
#[utoipa::path(
    delete,
    path = "/api/p2p/listings/{listing_id}",
    tag = TAG,
    params(("listing_id" = inline(wire::ListingId), Path)),
    responses(
        (status = 204, description = "The listing is CLOSED."),
        (status = 403, description = "`NOT_OWNER`, or `ROLE_REQUIRED`: EXCHANGER."),
        (status = 404, description = "`LISTING_NOT_FOUND`"),
    )
)]
pub(crate) async fn close_listing(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(listing): PathId<ListingId>,
    BareChange(once): BareChange,
) -> Result<Response, Problem> {
    let command = CloseListing { caller, listing };
    once.carry_out(&app, caller, command, |_| no_content())
        .await
}

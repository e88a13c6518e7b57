//! `DELETE /api/p2p/listings/{listing_id}`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::listing::CloseListing;
use p2p_domain::ListingId;
use p2p_domain::Role;

use super::TAG;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, NoBody, no_content};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;

/// Close a listing for good.
///
/// For the EXCHANGER who owns it. It takes no more offers and disappears from the lists; running deals go on. Closing it
/// twice has no further effect.
#[utoipa::path(
    delete,
    path = "/api/p2p/listings/{listing_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::owner_with(Role::Exchanger))))),
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
    Idempotent(NoBody, once): Idempotent<NoBody>,
) -> Result<Response, Problem> {
    let command = CloseListing { caller, listing };
    once.carry_out(&app, caller, command, |_| no_content())
        .await
}

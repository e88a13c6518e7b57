//! `GET /api/p2p/listings/{listing_id}`.

use axum::Json;
use axum::extract::State;
use p2p_domain::ListingId;

use super::TAG;
use super::view::PublicListing;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;

/// Get a listing.
///
/// For any authenticated user, whatever state the listing is in.
#[utoipa::path(
    get,
    path = "/api/p2p/listings/{listing_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    params(("listing_id" = inline(wire::ListingId), Path)),
    responses(
        (status = 200, description = "The listing.", body = PublicListing),
        (status = 404, description = "`LISTING_NOT_FOUND`"),
    )
)]
pub(crate) async fn get_listing(
    State(app): State<App>,
    _: Auth,
    PathId(listing): PathId<ListingId>,
) -> Result<Json<PublicListing>, Problem> {
    let listing = p2p_application::listing::get_listing(app.market(), listing).await?;
    Ok(Json(listing.into()))
}

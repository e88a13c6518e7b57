//! Browsing listings. Open to everybody.

use domain::refusal::Noun;
use domain::{ListingId, Refusal};

use crate::ports::{ListingFilter, ListingView};
use crate::{MAX_PAGE, Market, Page, QueryError};

/// One listing, whatever its state.
pub async fn get_listing(market: &Market, id: ListingId) -> Result<ListingView, QueryError> {
    let listing = market.queries().find_listing(id).await?;
    Ok(listing.ok_or(Refusal::NotFound(Noun::Listing))?)
}

/// Listings that pass the filter.
pub async fn list_listings(
    market: &Market,
    filter: ListingFilter,
) -> Result<Page<ListingView>, QueryError> {
    let limit = filter.limit.clamp(1, MAX_PAGE);
    let filter = ListingFilter {
        limit: limit + 1,
        ..filter
    };
    let rows = market.queries().list_listings(&filter).await?;
    Ok(Page::of(rows, limit))
}

//! Browsing listings. Public.

use p2p_domain::refusal::Resource;
use p2p_domain::{ListingId, Refusal};

use super::ports::{ListingCursor, ListingFilter, ListingView, ListingsFound};
use crate::{MAX_PAGE, Market, Page, QueryError};

/// One listing, whatever its state.
pub async fn get_listing(market: &Market, id: ListingId) -> Result<ListingView, QueryError> {
    let listing = market.queries().find_listing(id).await?;
    Ok(listing.ok_or(Refusal::NotFound(Resource::Listing))?)
}

/// A page of listings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingPage {
    /// May be fewer than requested if few of many listings pass the filter.
    pub items: Vec<ListingView>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<ListingCursor>,
}

/// Listings that pass the filter.
pub async fn list_listings(
    market: &Market,
    filter: ListingFilter,
) -> Result<ListingPage, QueryError> {
    let limit = filter.limit.clamp(1, MAX_PAGE);
    let filter = ListingFilter {
        limit: limit + 1,
        ..filter
    };
    let ListingsFound {
        listings,
        searched_to,
    } = market.queries().list_listings(&filter).await?;
    let page = Page::of(listings, limit);
    let last = page.items.last().filter(|_| page.more);
    Ok(ListingPage {
        next: last
            .map(|view| ListingCursor::at(&view.listing))
            .or(searched_to),
        items: page.items,
    })
}

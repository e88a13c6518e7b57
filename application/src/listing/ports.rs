//! How listings are read from storage.

use async_trait::async_trait;
use p2p_domain::{Asset, ExchangeType, Listing, ListingId, Money, UserId};

use crate::ports::StorageError;

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingOrder {
    /// By id, newest first.
    Newest,
    /// Cheapest first, then by id: for customers who buy crypto.
    PriceAscending,
    /// Dearest first, then by id: for customers who sell crypto.
    PriceDescending,
}

/// The position of a listing in a list. The next page starts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingCursor {
    pub price_e8: i64,
    pub id: ListingId,
}

impl ListingCursor {
    /// The position of this listing.
    #[must_use]
    pub const fn at(listing: &Listing) -> Self {
        Self {
            price_e8: listing.price.e8(),
            id: listing.id,
        }
    }
}

/// Which listings to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingFilter {
    /// Listings of this exchanger in any state except CLOSED. `None`: only ACTIVE listings.
    pub exchanger: Option<UserId>,
    pub exchange_type: Option<ExchangeType>,
    pub asset: Option<Asset>,
    pub fiat: Option<Asset>,
    /// Only listings that allow an offer of this fiat amount. Requires `fiat`.
    pub amount: Option<Money>,
    pub payment_method: Option<String>,
    /// Only listings of exchangers who are online and not frozen.
    pub online_only: bool,
    pub order: ListingOrder,
    pub after: Option<ListingCursor>,
    pub limit: u32,
}

/// A listing as other users see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingView {
    pub listing: Listing,
    pub exchanger_name: String,
    /// Online and not frozen.
    pub exchanger_online: bool,
}

/// A page of listings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListingsFound {
    pub listings: Vec<ListingView>,
    /// The last listing examined, if the search ended before the page was full: more may follow.
    pub searched_to: Option<ListingCursor>,
}

/// Listings.
#[async_trait]
pub trait ListingQueries: Send + Sync {
    async fn find_listing(&self, id: ListingId) -> Result<Option<ListingView>, StorageError>;

    /// Listings that pass all filters, in the requested order. If few of very many pass, the search may end before the page is
    /// full, so that it costs about the same however many listings there are.
    async fn list_listings(&self, filter: &ListingFilter) -> Result<ListingsFound, StorageError>;
}

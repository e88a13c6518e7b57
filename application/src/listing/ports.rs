//! How listings are read from storage.

use async_trait::async_trait;
use p2p_domain::{Asset, ExchangeType, Listing, ListingId, Money, UserId};

use crate::ports::StorageError;

/// In which order listings come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingOrder {
    /// By id, newest first.
    Newest,
    /// Cheapest first, then by id: for customers who buy crypto.
    PriceAscending,
    /// Dearest first, then by id: for customers who sell crypto.
    PriceDescending,
}

/// The place of a listing in a list: where a page ends, and the next one begins behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingCursor {
    pub price_e8: i64,
    pub id: ListingId,
}

impl ListingCursor {
    /// The place of this listing.
    #[must_use]
    pub const fn at(listing: &Listing) -> Self {
        Self {
            price_e8: listing.price.e8(),
            id: listing.id,
        }
    }
}

/// Which listings to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingFilter {
    /// All states of this exchanger's listings but CLOSED; otherwise only ACTIVE listings are shown.
    pub exchanger: Option<UserId>,
    pub exchange_type: Option<ExchangeType>,
    pub asset: Option<Asset>,
    pub fiat: Option<Asset>,
    /// A fiat amount that one offer may have: within the limits and what remains. Only with `fiat`.
    pub amount: Option<Money>,
    pub payment_method: Option<String>,
    /// Only of exchangers who are online and not frozen.
    pub online_only: bool,
    pub order: ListingOrder,
    pub after: Option<ListingCursor>,
    pub limit: u32,
}

/// A listing as others see it.
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
    /// The last listing that was looked at, if the search ended before the page was full: there may be more behind it.
    pub searched_to: Option<ListingCursor>,
}

/// Listings.
#[async_trait]
pub trait ListingQueries: Send + Sync {
    async fn find_listing(&self, id: ListingId) -> Result<Option<ListingView>, StorageError>;

    /// Listings that pass all filters, in the order asked for. Where few of very many pass, the search may end before
    /// the page is full: it costs about the same however many listings there are.
    async fn list_listings(&self, filter: &ListingFilter) -> Result<ListingsFound, StorageError>;
}

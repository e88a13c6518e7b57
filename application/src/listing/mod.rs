//! Listings: exchangers publish, change and close them; browsing is public.

mod close;
mod ports;
mod publish;
mod queries;
mod update;

pub use close::CloseListing;
pub use ports::{
    ListingCursor, ListingFilter, ListingOrder, ListingQueries, ListingView, ListingsFound,
};
pub use publish::PublishListing;
pub use queries::{ListingPage, get_listing, list_listings};
pub use update::{ListingChange, UpdateListing};

use p2p_domain::refusal::AccessRefusal;
use p2p_domain::user::Caller;
use p2p_domain::{Listing, ListingId, Refusal, Role};

use crate::engine::UnitOfWork;

/// A listing of the caller's own.
fn own_listing(uow: &UnitOfWork<'_>, id: ListingId, caller: Caller) -> Result<Listing, Refusal> {
    uow.require(caller, Role::Exchanger)?;
    let listing = uow.get::<Listing>(&id)?;
    if listing.exchanger == caller.user {
        Ok(listing)
    } else {
        Err(Refusal::Access(AccessRefusal::NotOwner))
    }
}

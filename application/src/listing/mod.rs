//! Listings: exchangers publish, change and close them; everybody browses.

mod close;
mod publish;
mod queries;
mod update;

pub use close::CloseListing;
pub use publish::PublishListing;
pub use queries::{ListingPage, get_listing, list_listings};
pub use update::{ListingChange, UpdateListing};

use domain::user::Caller;
use domain::{Listing, ListingId, Refusal, Role};

use crate::pipeline::Desk;

/// The caller's own listing.
fn own(desk: &Desk<'_>, id: ListingId, caller: Caller) -> Result<Listing, Refusal> {
    desk.require(caller, Role::Exchanger)?;
    let listing = desk.listing(id)?;
    if listing.exchanger == caller.user {
        Ok(listing)
    } else {
        Err(Refusal::NotOwner)
    }
}

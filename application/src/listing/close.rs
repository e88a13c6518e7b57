//! An exchanger closes a listing.

use p2p_domain::user::Caller;
use p2p_domain::{Listing, ListingId, Refusal};

use super::own_listing;
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Closes the caller's listing for good. Open deals continue. Closing it again changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct CloseListing {
    pub caller: Caller,
    pub listing: ListingId,
}

impl Command for CloseListing {
    type Outcome = Listing;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.listing(self.listing);
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Listing, Refusal> {
        let before = own_listing(uow, self.listing, self.caller)?;
        let closed = before.clone().close(uow.now());
        if closed != before {
            uow.save(closed.clone());
        }
        Ok(closed)
    }
}

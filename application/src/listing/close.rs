//! An exchanger takes a listing down.

use p2p_domain::user::Caller;
use p2p_domain::{Listing, ListingId, Refusal};

use super::own;
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Closes the caller's listing for good. Running deals go on; closing twice is closing once.
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
        let before = own(uow, self.listing, self.caller)?;
        let closed = before.clone().close(uow.now());
        if closed != before {
            uow.save(closed.clone());
        }
        Ok(closed)
    }
}

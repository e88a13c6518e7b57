//! An exchanger takes a listing down.

use domain::user::Caller;
use domain::{Listing, ListingId, Refusal};

use super::own;
use crate::pipeline::{Command, Desk, Needs};

/// Closes the caller's listing for good. Running deals go on; closing twice is closing once.
#[derive(Debug, Clone, Copy)]
pub struct CloseListing {
    pub caller: Caller,
    pub listing: ListingId,
}

impl Command for CloseListing {
    type Outcome = Listing;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.listing(self.listing);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Listing, Refusal> {
        let before = own(desk, self.listing, self.caller)?;
        let closed = before.clone().close(desk.now());
        if closed != before {
            desk.save_listing(closed.clone());
        }
        Ok(closed)
    }
}

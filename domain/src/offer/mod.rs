//! An offer: a customer's answer to a listing, and the deal that grows from it.
//!
//! Two derived parties keep the code free of if-direction branches: the *crypto holder*, whose crypto is in escrow, and
//! the *fiat payer*, who pays outside and receives it. [`machine`] says which moves are legal; [`Offer`]'s methods make
//! them, each consuming the offer and returning [`Transition`]: the new offer with all that the move causes.

mod actor;
mod event;
mod history;
pub mod machine;
mod refusal;
mod state;
mod status;
mod terms;
mod transition;

pub use actor::Actor;
pub use event::{Deal, OfferEvent};
pub use history::HistoryEntry;
pub use refusal::{OfferError, OfferRefusal};
pub use state::State;
pub use status::{Status, Trigger};
pub use terms::Terms;
pub use transition::{Act, NewOffer, Response, Transition};

use crate::{ExchangeType, OfferId, Timestamp, UserId};

/// A deal in its present state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub id: OfferId,
    pub terms: Terms,
    pub state: State,
    /// How the fiat payer says that fiat was sent, once that was said.
    pub payment_reference: Option<String>,
    /// Counts every step of the history.
    pub version: u64,
}

impl Offer {
    /// Its place in the status machine.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.state.status()
    }

    /// When the system will move it, unless a party moves it before.
    #[must_use]
    pub const fn deadline(&self) -> Option<Timestamp> {
        self.state.deadline()
    }

    /// The user's side of this deal; `None` for other users, for whom the deal does not exist.
    #[must_use]
    pub fn side_of(&self, user: UserId) -> Option<Actor> {
        if user == self.terms.customer {
            Some(Actor::Customer)
        } else if user == self.terms.exchanger {
            Some(Actor::Exchanger)
        } else {
            None
        }
    }

    /// The user whose crypto is in escrow.
    #[must_use]
    pub const fn crypto_holder(&self) -> UserId {
        let direction = self.terms.exchange_type;
        direction.crypto_holder_of(self.terms.customer, self.terms.exchanger)
    }

    /// The user who pays fiat outside and receives the crypto.
    #[must_use]
    pub const fn fiat_payer(&self) -> UserId {
        match self.terms.exchange_type {
            ExchangeType::CryptoToFiat => self.terms.exchanger,
            ExchangeType::FiatToCrypto => self.terms.customer,
        }
    }

    /// What every event of the deal carries.
    #[must_use]
    pub const fn deal(&self) -> Deal {
        Deal {
            offer: self.id,
            listing: self.terms.listing,
            customer: self.terms.customer,
            exchanger: self.terms.exchanger,
            amount: self.terms.amount,
        }
    }
}

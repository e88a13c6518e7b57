//! The actors of a deal, and the parties that follow from the direction of the exchange.

use crate::named::named;
use crate::{ExchangeType, UserId};

named! {
    /// The actor of a transition.
    Actor {
        Customer = "CUSTOMER",
        Exchanger = "EXCHANGER",
        Moderator = "MODERATOR",
        /// The clock.
        System = "SYSTEM",
        /// The payment provider, who has seen the fiat arrive.
        Provider = "PROVIDER",
    }
}

impl ExchangeType {
    /// The side that pays fiat outside and receives the crypto.
    #[must_use]
    pub const fn fiat_payer(self) -> Actor {
        match self {
            Self::CryptoToFiat => Actor::Exchanger,
            Self::FiatToCrypto => Actor::Customer,
        }
    }

    /// The side whose crypto is held in escrow.
    #[must_use]
    pub const fn crypto_holder(self) -> Actor {
        match self {
            Self::CryptoToFiat => Actor::Customer,
            Self::FiatToCrypto => Actor::Exchanger,
        }
    }

    /// The user whose crypto is held in escrow between these two.
    #[must_use]
    pub const fn crypto_holder_of(self, customer: UserId, exchanger: UserId) -> UserId {
        match self {
            Self::CryptoToFiat => customer,
            Self::FiatToCrypto => exchanger,
        }
    }
}

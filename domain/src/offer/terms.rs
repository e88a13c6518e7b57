//! What the two sides agreed on; fixed for the deal's whole life.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::machine::Actor;
use crate::{ListingId, Money, Price, Timestamp, UserId};

/// The direction of an exchange, as the customer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExchangeType {
    /// The customer gives crypto and gets fiat outside.
    CryptoToFiat,
    /// The customer pays fiat outside and gets crypto.
    FiatToCrypto,
}

impl ExchangeType {
    /// Both directions.
    pub const ALL: [Self; 2] = [Self::CryptoToFiat, Self::FiatToCrypto];

    /// The name that interfaces use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CryptoToFiat => "CRYPTO2FIAT",
            Self::FiatToCrypto => "FIAT2CRYPTO",
        }
    }

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

    /// Whose crypto is held in escrow between these two.
    #[must_use]
    pub const fn crypto_holder_of(self, customer: UserId, exchanger: UserId) -> UserId {
        match self {
            Self::CryptoToFiat => customer,
            Self::FiatToCrypto => exchanger,
        }
    }
}

impl fmt::Display for ExchangeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No direction has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownExchangeType;

impl fmt::Display for UnknownExchangeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected CRYPTO2FIAT or FIAT2CRYPTO")
    }
}

impl std::error::Error for UnknownExchangeType {}

impl FromStr for ExchangeType {
    type Err = UnknownExchangeType;
    fn from_str(name: &str) -> Result<Self, UnknownExchangeType> {
        Self::ALL
            .into_iter()
            .find(|one| one.name() == name)
            .ok_or(UnknownExchangeType)
    }
}

/// The agreement: who, what, at which price, and how long each step may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub listing: ListingId,
    pub customer: UserId,
    pub exchanger: UserId,
    pub exchange_type: ExchangeType,
    /// The crypto in escrow.
    pub amount: Money,
    pub price: Price,
    /// What is paid outside.
    pub fiat: Money,
    /// The market's fee as it was when the deal began.
    pub fee_basis_points: u16,
    /// How long the fiat payer has once the offer is accepted.
    pub payment_window: Duration,
    /// The customer's own words.
    pub conditions: String,
    pub created_at: Timestamp,
}

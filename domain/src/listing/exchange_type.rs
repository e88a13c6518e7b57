//! The direction of an exchange.

use std::fmt;
use std::str::FromStr;

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

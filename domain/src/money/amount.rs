//! Why an amount in a request can't be used.

use std::fmt;

use super::MoneyError;
use crate::named::named;

named! {
    /// Which amount of a request is meant.
    AmountRole {
        Amount = "amount",
        Price = "price",
        Total = "total amount",
        Min = "minimum amount",
        Max = "maximum amount",
        PayerAmount = "fiat payer's amount",
    }
}

/// An amount that can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountRefusal {
    pub role: AmountRole,
    pub error: MoneyError,
}

impl AmountRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.error {
            MoneyError::Malformed => "AMOUNT_MALFORMED",
            MoneyError::TooManyDecimals { .. } => "TOO_MANY_DECIMALS",
            MoneyError::Overflow => "AMOUNT_TOO_LARGE",
            MoneyError::NotPositive => "AMOUNT_NOT_POSITIVE",
            MoneyError::AssetMismatch { .. } => "ASSET_MISMATCH",
        }
    }
}

/// The amount of a request, where it has just one.
impl From<MoneyError> for AmountRefusal {
    fn from(error: MoneyError) -> Self {
        Self {
            role: AmountRole::Amount,
            error,
        }
    }
}

impl fmt::Display for AmountRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.role, self.error)
    }
}

impl std::error::Error for AmountRefusal {}

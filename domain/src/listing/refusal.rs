//! Why a listing can't be published, changed or used.

use std::fmt;

use crate::Money;
use crate::exchanger::ExchangerRefusal;
use crate::law::BrokenLaw;
use crate::money::AmountRefusal;
use crate::one_of::one_of;
use crate::user::AccessRefusal;

/// A refusal that concerns a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingRefusal {
    Paused,
    Closed,
    /// The offer's direction is not the listing's.
    WrongExchangeType,
    OverRemaining {
        remaining: Money,
    },
    BelowMinimum {
        fiat: Money,
        min: Money,
    },
    AboveMaximum {
        fiat: Money,
        max: Money,
    },
    /// A listing's values don't fit together.
    Invalid(ListingFlaw),
    /// A listing's total can't be less than what is in open and finished deals.
    TotalBelowCommitted,
}

/// What is wrong with a listing's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingFlaw {
    NotCrypto,
    NotFiat,
    LimitsNotInFiat,
    TotalNotPositive,
    MinNotPositive,
    MaxBelowMin,
    PaymentWindowOutOfRange,
    NoPaymentMethod,
}

impl ListingFlaw {
    /// The value at fault, in words.
    #[must_use]
    pub const fn subject(self) -> &'static str {
        match self {
            Self::NotCrypto => "the asset",
            Self::NotFiat => "the currency",
            Self::LimitsNotInFiat => "the currency of the limits",
            Self::TotalNotPositive => "the total",
            Self::MinNotPositive => "the minimum",
            Self::MaxBelowMin => "the maximum",
            Self::PaymentWindowOutOfRange => "the payment window",
            Self::NoPaymentMethod => "the list of payment methods",
        }
    }

    /// What the value must be.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotCrypto => "must be a crypto asset",
            Self::NotFiat => "must be a fiat currency",
            Self::LimitsNotInFiat => "must be the listing's fiat currency",
            Self::TotalNotPositive | Self::MinNotPositive => "must be greater than zero",
            Self::MaxBelowMin => "must not be less than the minimum",
            Self::PaymentWindowOutOfRange => "must be between 10 minutes and 6 hours",
            Self::NoPaymentMethod => "must name at least one",
        }
    }
}

impl ListingRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Paused => "LISTING_PAUSED",
            Self::Closed => "LISTING_CLOSED",
            Self::WrongExchangeType => "WRONG_EXCHANGE_TYPE",
            Self::OverRemaining { .. } => "OVER_REMAINING",
            Self::BelowMinimum { .. } => "BELOW_MINIMUM",
            Self::AboveMaximum { .. } => "ABOVE_MAXIMUM",
            Self::Invalid(_) => "INVALID_LISTING",
            Self::TotalBelowCommitted => "TOTAL_BELOW_COMMITTED",
        }
    }
}

impl fmt::Display for ListingRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("the listing is paused"),
            Self::Closed => f.write_str("the listing is closed"),
            Self::WrongExchangeType => {
                f.write_str("the listing is for the other direction of exchange")
            }
            Self::OverRemaining { remaining } => {
                write!(f, "only {remaining} {} remain", remaining.asset())
            }
            Self::BelowMinimum { fiat, min } => write!(
                f,
                "this is {fiat} {0}, the listing takes offers from {min} {0}",
                min.asset()
            ),
            Self::AboveMaximum { fiat, max } => write!(
                f,
                "this is {fiat} {0}, the listing takes offers up to {max} {0}",
                max.asset()
            ),
            Self::Invalid(flaw) => write!(f, "{} {}", flaw.subject(), flaw.reason()),
            Self::TotalBelowCommitted => {
                f.write_str("the total cannot be less than what open and finished deals use")
            }
        }
    }
}

impl std::error::Error for ListingRefusal {}

one_of! {
    /// Why an operation on a listing fails.
    ListingError {
        Listing(ListingRefusal),
        Exchanger(ExchangerRefusal),
        Access(AccessRefusal),
        Amount(AmountRefusal),
        Law(BrokenLaw),
    }
}

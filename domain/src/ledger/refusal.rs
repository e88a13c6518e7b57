//! Why a posting can't be booked.

use std::fmt;

use crate::Asset;
use crate::law::BrokenLaw;
use crate::one_of::one_of;

/// Why a posting can't be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerRefusal {
    /// The caller's balance is too small.
    InsufficientFunds { asset: Asset },
    /// The counterparty's balance is too small.
    CounterpartyFunds { asset: Asset },
    /// A balance would exceed 64 bits.
    BalanceOverflow,
}

impl LedgerRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InsufficientFunds { .. } => "INSUFFICIENT_FUNDS",
            Self::CounterpartyFunds { .. } => "COUNTERPARTY_INSUFFICIENT_FUNDS",
            Self::BalanceOverflow => "BALANCE_TOO_LARGE",
        }
    }
}

impl fmt::Display for LedgerRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InsufficientFunds { asset } => write!(f, "not enough {asset} available"),
            Self::CounterpartyFunds { asset } => {
                write!(f, "the counterparty does not have enough {asset} available")
            }
            Self::BalanceOverflow => f.write_str("the balance would become too large"),
        }
    }
}

impl std::error::Error for LedgerRefusal {}

one_of! {
    /// Why a posting fails.
    LedgerError {
        Ledger(LedgerRefusal),
        Law(BrokenLaw),
    }
}

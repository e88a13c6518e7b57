//! Kinds of errors: the one classification from which every transport takes its status.

use p2p_domain::Refusal;

use crate::CommandError;
use crate::ports::StorageError;

/// What an error tells the caller to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller has to prove who they are.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// The thing does not exist, or the caller may not know of it.
    NotFound,
    /// The thing to be created exists.
    AlreadyExists,
    /// The present state forbids the request, whatever its values.
    WrongState,
    /// The present state does not allow for these values; others would do.
    Unsatisfiable,
    /// The values are wrong in any state.
    Invalid,
    /// The caller has tried too often and has to wait.
    Throttled,
    /// Nothing was changed: too many requests are waiting.
    Busy,
    /// Nothing was changed: storage can't be reached.
    Unavailable,
    /// The change may or may not have been committed.
    OutcomeUnknown,
    /// A defect of the market.
    Internal,
}

impl From<&Refusal> for ErrorKind {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NotFound(_) => Self::NotFound,
            Refusal::BadCredentials
            | Refusal::SecondFactorRequired
            | Refusal::SecondFactorWrong
            | Refusal::SessionOver => Self::Unauthenticated,
            Refusal::TooManyAttempts { .. } => Self::Throttled,
            Refusal::RoleRequired { .. }
            | Refusal::IdentityMismatch
            | Refusal::NotOwner
            | Refusal::EmailNotVerified
            | Refusal::ConflictOfInterest => Self::Forbidden,
            Refusal::EmailTaken | Refusal::OrderExists | Refusal::DisputeAlreadyOpened => {
                Self::AlreadyExists
            }
            Refusal::IllegalTransition { .. }
            | Refusal::OwnAdminRole
            | Refusal::SelfDeal
            | Refusal::ListingPaused
            | Refusal::ListingClosed
            | Refusal::WrongExchangeType
            | Refusal::ExchangerOffline
            | Refusal::ExchangerFrozen
            | Refusal::DisputeResolved
            | Refusal::PaymentDeclined
            | Refusal::WithdrawalDecided
            | Refusal::SecondFactorActive
            | Refusal::SecondFactorMissing
            | Refusal::TooMany { .. }
            | Refusal::CancelledTooOften { .. } => Self::WrongState,
            Refusal::InsufficientFunds { .. }
            | Refusal::CounterpartyFunds { .. }
            | Refusal::BalanceOverflow
            | Refusal::OverRemaining { .. }
            | Refusal::TotalBelowCommitted => Self::Unsatisfiable,
            Refusal::Amount { .. }
            | Refusal::BelowMinimum { .. }
            | Refusal::AboveMaximum { .. }
            | Refusal::InvalidListing { .. }
            | Refusal::SplitOutOfRange { .. }
            | Refusal::PayerAmountMismatch
            | Refusal::LinkSpent
            | Refusal::WeakPassword { .. }
            | Refusal::IdempotencyKeyReused => Self::Invalid,
            Refusal::Broken { .. } => Self::Internal,
        }
    }
}

impl From<&CommandError> for ErrorKind {
    fn from(error: &CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Busy => Self::Busy,
            CommandError::Unavailable => Self::Unavailable,
            CommandError::InDoubt => Self::OutcomeUnknown,
            CommandError::Internal => Self::Internal,
        }
    }
}

impl From<&StorageError> for CommandError {
    /// What the failure of a read means to the caller.
    fn from(error: &StorageError) -> Self {
        match error {
            StorageError::Unavailable { .. }
            | StorageError::Conflict { .. }
            | StorageError::Blocked { .. } => Self::Unavailable,
            StorageError::InDoubt { .. } => Self::InDoubt,
            StorageError::Corrupt { .. } | StorageError::Rejected { .. } => Self::Internal,
        }
    }
}

impl From<&StorageError> for ErrorKind {
    fn from(error: &StorageError) -> Self {
        Self::from(&CommandError::from(error))
    }
}

impl CommandError {
    /// The stable code, the same over every transport.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Busy => "BUSY",
            Self::Unavailable => "UNAVAILABLE",
            Self::InDoubt => "OUTCOME_UNKNOWN",
            Self::Internal => "INTERNAL",
        }
    }
}

//! Kinds of errors: the one classification from which every transport takes its status.

use p2p_domain::Refusal;
use p2p_domain::refusal::{
    AccessRefusal, ConductRefusal, DisputeRefusal, ExchangerRefusal, LedgerRefusal, ListingRefusal,
    OfferRefusal, OrderRefusal, PaymentRefusal, SecondFactorRefusal, SessionRefusal, UserRefusal,
    WithdrawalRefusal,
};

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
            Refusal::Session(SessionRefusal::BadCredentials)
            | Refusal::SecondFactor(SecondFactorRefusal::Required)
            | Refusal::SecondFactor(SecondFactorRefusal::Wrong)
            | Refusal::Session(SessionRefusal::Over) => Self::Unauthenticated,
            Refusal::Session(SessionRefusal::TooManyAttempts { .. }) => Self::Throttled,
            Refusal::Access(AccessRefusal::RoleRequired { .. })
            | Refusal::Access(AccessRefusal::IdentityMismatch)
            | Refusal::Access(AccessRefusal::NotOwner)
            | Refusal::User(UserRefusal::EmailNotVerified)
            | Refusal::Access(AccessRefusal::ConflictOfInterest) => Self::Forbidden,
            Refusal::User(UserRefusal::EmailTaken)
            | Refusal::Order(OrderRefusal::Exists)
            | Refusal::Dispute(DisputeRefusal::AlreadyOpened) => Self::AlreadyExists,
            Refusal::Offer(OfferRefusal::IllegalTransition { .. })
            | Refusal::Access(AccessRefusal::OwnAdminRole)
            | Refusal::Access(AccessRefusal::SelfDeal)
            | Refusal::Listing(ListingRefusal::Paused)
            | Refusal::Listing(ListingRefusal::Closed)
            | Refusal::Listing(ListingRefusal::WrongExchangeType)
            | Refusal::Exchanger(ExchangerRefusal::Offline)
            | Refusal::Exchanger(ExchangerRefusal::Frozen)
            | Refusal::Dispute(DisputeRefusal::AlreadyResolved)
            | Refusal::Payment(PaymentRefusal::Declined)
            | Refusal::Withdrawal(WithdrawalRefusal::AlreadyDecided)
            | Refusal::SecondFactor(SecondFactorRefusal::AlreadyActive)
            | Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled)
            | Refusal::TooMany { .. }
            | Refusal::Conduct(ConductRefusal::CancelledTooOften { .. }) => Self::WrongState,
            Refusal::Ledger(LedgerRefusal::InsufficientFunds { .. })
            | Refusal::Ledger(LedgerRefusal::CounterpartyFunds { .. })
            | Refusal::Ledger(LedgerRefusal::BalanceOverflow)
            | Refusal::Listing(ListingRefusal::OverRemaining { .. })
            | Refusal::Listing(ListingRefusal::TotalBelowCommitted) => Self::Unsatisfiable,
            Refusal::Amount(_)
            | Refusal::Listing(ListingRefusal::BelowMinimum { .. })
            | Refusal::Listing(ListingRefusal::AboveMaximum { .. })
            | Refusal::Listing(ListingRefusal::Invalid(_))
            | Refusal::Offer(OfferRefusal::SplitOutOfRange { .. })
            | Refusal::Dispute(DisputeRefusal::PayerAmountMismatch)
            | Refusal::User(UserRefusal::LinkSpent)
            | Refusal::User(UserRefusal::WeakPassword { .. })
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

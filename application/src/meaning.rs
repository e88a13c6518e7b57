//! What an error means to whoever asked: the one table from which every transport takes its status.
//!
//! HTTP: 409 says that the state of things forbids it, whatever the request's numbers; 422 that other numbers would do.
//! gRPC: FAILED_PRECONDITION says that the state of things has to change first, INVALID_ARGUMENT that the request has to,
//! ALREADY_EXISTS that what was to be made is there.

use p2p_domain::Refusal;

use crate::CommandError;

/// The status codes of gRPC that are used here, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrpcCode {
    Unknown = 2,
    InvalidArgument = 3,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// How an error is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub http: u16,
    pub grpc: GrpcCode,
    /// Stable; the same over every transport.
    pub code: &'static str,
}

impl From<&Refusal> for Meaning {
    fn from(refusal: &Refusal) -> Self {
        use GrpcCode as G;
        let (http, grpc) = match refusal {
            Refusal::NotFound(_) => (404, G::NotFound),
            Refusal::BadCredentials
            | Refusal::SecondFactorRequired
            | Refusal::SecondFactorWrong
            | Refusal::SessionOver => (401, G::Unauthenticated),
            Refusal::TooManyAttempts { .. } => (429, G::ResourceExhausted),
            Refusal::RoleRequired { .. }
            | Refusal::IdentityMismatch
            | Refusal::NotOwner
            | Refusal::EmailNotVerified
            | Refusal::ConflictOfInterest => (403, G::PermissionDenied),
            Refusal::EmailTaken | Refusal::OrderExists | Refusal::DisputeAlreadyOpened => {
                (409, G::AlreadyExists)
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
            | Refusal::CancelledTooOften { .. } => (409, G::FailedPrecondition),
            Refusal::InsufficientFunds { .. }
            | Refusal::CounterpartyFunds { .. }
            | Refusal::BalanceOverflow
            | Refusal::OverRemaining { .. }
            | Refusal::TotalBelowCommitted => (422, G::FailedPrecondition),
            Refusal::Amount { .. }
            | Refusal::BelowMinimum { .. }
            | Refusal::AboveMaximum { .. }
            | Refusal::InvalidListing { .. }
            | Refusal::SplitOutOfRange { .. }
            | Refusal::PayerAmountMismatch
            | Refusal::LinkSpent
            | Refusal::WeakPassword { .. }
            | Refusal::IdempotencyKeyReused => (422, G::InvalidArgument),
            Refusal::Broken { .. } => (500, G::Internal),
        };
        Self {
            http,
            grpc,
            code: refusal.code(),
        }
    }
}

impl From<&CommandError> for Meaning {
    fn from(error: &CommandError) -> Self {
        let (http, grpc, code) = match error {
            CommandError::Refused(refusal) => return refusal.into(),
            CommandError::Busy => (503, GrpcCode::ResourceExhausted, "BUSY"),
            CommandError::Unavailable => (503, GrpcCode::Unavailable, "UNAVAILABLE"),
            CommandError::InDoubt => (503, GrpcCode::Unknown, "OUTCOME_UNKNOWN"),
            CommandError::Internal => (500, GrpcCode::Internal, "INTERNAL"),
        };
        Self { http, grpc, code }
    }
}

impl From<&crate::ports::StorageError> for Meaning {
    /// Of a read.
    fn from(error: &crate::ports::StorageError) -> Self {
        use crate::ports::StorageError as S;
        let as_command = match error {
            S::Unavailable { .. } | S::Conflict { .. } | S::Blocked { .. } => {
                CommandError::Unavailable
            }
            S::InDoubt { .. } => CommandError::InDoubt,
            S::Corrupt { .. } | S::Rejected { .. } => CommandError::Internal,
        };
        Self::from(&as_command)
    }
}

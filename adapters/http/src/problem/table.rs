//! The table: what of the application's errors becomes which status, code and title. Codes of refusals are the domain's.
//!
//! 409 says that the state of things forbids it, whatever the request's numbers; 422 that other numbers would do.

use std::error::Error;

use application::ports::{PasswordError, StorageError};
use application::user::LogInError;
use application::{CommandError, QueryError};
use axum::http::StatusCode;
use domain::Refusal;

use super::{FieldError, Problem};

const CHALLENGE: &str = "Bearer";

/// Status and title of each refusal, and the request's field that it is about, if it is about one.
fn refusal(refusal: &Refusal) -> (StatusCode, &'static str, Option<&'static str>) {
    use StatusCode as S;
    match refusal {
        Refusal::NotFound(_) => (S::NOT_FOUND, "Not found", None),
        Refusal::IllegalTransition { .. } => {
            (S::CONFLICT, "The deal's state does not allow this", None)
        }
        Refusal::RoleRequired { .. } => (S::FORBIDDEN, "A role is missing", None),
        Refusal::IdentityMismatch => (S::FORBIDDEN, "The author is not the caller", None),
        Refusal::NotOwner => (S::FORBIDDEN, "Only the owner may do this", None),
        Refusal::ConflictOfInterest => (S::FORBIDDEN, "Conflict of interest", None),
        Refusal::OwnAdminRole => (S::CONFLICT, "The own ADMIN role stays", None),
        Refusal::SelfDeal => (S::CONFLICT, "Nobody deals with themself", None),
        Refusal::Amount { field, .. } => (
            S::UNPROCESSABLE_ENTITY,
            "The amount can't be used",
            Some(field),
        ),
        Refusal::InsufficientFunds { .. } => (S::UNPROCESSABLE_ENTITY, "Not enough funds", None),
        Refusal::CounterpartyFunds { .. } => (
            S::UNPROCESSABLE_ENTITY,
            "The other side has not enough funds",
            None,
        ),
        Refusal::BalanceOverflow => (
            S::UNPROCESSABLE_ENTITY,
            "The balance would become too large",
            None,
        ),
        Refusal::ListingPaused => (S::CONFLICT, "The listing is paused", None),
        Refusal::ListingClosed => (S::CONFLICT, "The listing is closed", None),
        Refusal::WrongExchangeType => (S::CONFLICT, "The listing is for the other direction", None),
        Refusal::ExchangerOffline => (S::CONFLICT, "The exchanger is offline", None),
        Refusal::ExchangerFrozen => (S::CONFLICT, "The exchanger is frozen", None),
        Refusal::OverRemaining { .. } => (
            S::UNPROCESSABLE_ENTITY,
            "More than the listing has left",
            Some("amount"),
        ),
        Refusal::BelowMinimum { .. } => (
            S::UNPROCESSABLE_ENTITY,
            "Below the listing's minimum",
            Some("amount"),
        ),
        Refusal::AboveMaximum { .. } => (
            S::UNPROCESSABLE_ENTITY,
            "Above the listing's maximum",
            Some("amount"),
        ),
        Refusal::InvalidListing { field, .. } => (
            S::UNPROCESSABLE_ENTITY,
            "The listing's numbers don't fit together",
            Some(field),
        ),
        Refusal::TotalBelowCommitted => (
            S::UNPROCESSABLE_ENTITY,
            "The total is below what deals have taken",
            Some("total_amount"),
        ),
        Refusal::DisputeAlreadyOpened => (S::CONFLICT, "Disputed before by this side", None),
        Refusal::DisputeResolved => (S::CONFLICT, "The dispute is resolved", None),
        Refusal::SplitOutOfRange { .. } => (
            S::UNPROCESSABLE_ENTITY,
            "A split gives both sides something",
            Some("payer_amount"),
        ),
        Refusal::PayerAmountMismatch => (
            S::UNPROCESSABLE_ENTITY,
            "payer_amount belongs to a split",
            Some("payer_amount"),
        ),
        Refusal::OrderExists => (S::CONFLICT, "The order id is taken", Some("order_id")),
        Refusal::PaymentDeclined => (S::CONFLICT, "The payment was declined", None),
        Refusal::IdempotencyKeyReused => (
            S::UNPROCESSABLE_ENTITY,
            "The idempotency key is used up",
            None,
        ),
        Refusal::WithdrawalDecided => (S::CONFLICT, "The withdrawal is decided", None),
        Refusal::EmailTaken => (S::CONFLICT, "The e-mail address is taken", Some("email")),
        Refusal::Broken { .. } => (S::INTERNAL_SERVER_ERROR, "Internal error", None),
        Refusal::BadCredentials => (S::UNAUTHORIZED, "Wrong e-mail or password", None),
    }
}

impl From<Refusal> for Problem {
    fn from(why: Refusal) -> Self {
        if let Refusal::Broken { .. } = why {
            return Self::internal(why.to_string());
        }
        let (status, title, field) = refusal(&why);
        let mut problem = Self::new(status, why.code(), title, why.to_string());
        match &why {
            Refusal::IllegalTransition { state, trigger, .. } => {
                problem.0.state = Some(state.map_or("NONE", domain::Status::name));
                problem.0.event = Some(trigger.name());
            }
            Refusal::BadCredentials => problem.0.challenge = Some(CHALLENGE),
            _ => {}
        }
        if let Some(field) = field {
            let message = match &why {
                Refusal::Amount { error, .. } => error.to_string(),
                Refusal::InvalidListing { reason, .. } => (*reason).to_owned(),
                other => other.to_string(),
            };
            problem.0.errors = vec![FieldError::new(field, why.code(), message)];
        }
        problem
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "BUSY",
                "Too many requests are waiting",
                "nothing was changed; try again in a moment",
            )
            .with_retry_after("1"),
            CommandError::Unavailable => unavailable(),
            CommandError::InDoubt => in_doubt(),
            CommandError::Internal => Self::internal("a command failed; see the log before this"),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(refusal) => refusal.into(),
            QueryError::Storage(error) => storage_failed(&error),
        }
    }
}

/// Storage gave no answer to a read.
pub(crate) fn storage_failed(error: &StorageError) -> Problem {
    match error {
        StorageError::Unavailable { .. }
        | StorageError::Conflict { .. }
        | StorageError::Blocked { .. } => unavailable().with_cause(chain(error)),
        StorageError::InDoubt { .. } => in_doubt().with_cause(chain(error)),
        StorageError::Corrupt { .. } | StorageError::Rejected { .. } => {
            Problem::internal(chain(error))
        }
    }
}

/// Nobody was logged in.
pub(crate) fn log_in_failed(error: LogInError) -> Problem {
    match error {
        LogInError::Refused(refusal) => refusal.into(),
        LogInError::Storage(error) => storage_failed(&error),
        LogInError::Password(error) => passwords_failed(&error),
        LogInError::Token(error) => Problem::internal(chain(&error)),
    }
}

/// A password could not be hashed.
pub(crate) fn passwords_failed(error: &PasswordError) -> Problem {
    Problem::internal(chain(error))
}

fn unavailable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "UNAVAILABLE",
        "Storage is not available",
        "nothing was changed; try again later",
    )
    .with_retry_after("5")
}

fn in_doubt() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "OUTCOME_UNKNOWN",
        "Whether it took effect is not known",
        "the connection to storage was lost during the commit: look before you try again, or send it again under the same \
         idempotency key",
    )
}

/// An error with all that caused it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

//! The application's errors as problems. The status follows from the kind of error ([`ErrorKind`]), the code is the same over
//! every transport; the titles, and the fields of a request that an error is about, are HTTP's own.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use p2p_application::auth::AccessError;
use p2p_application::ports::{PasswordError, StorageError};
use p2p_application::{CommandError, ErrorKind, QueryError};
use p2p_domain::Refusal;
use p2p_domain::refusal::{
    AccessRefusal, AmountRefusal, AmountRole, ConductRefusal, DisputeRefusal, ExchangerRefusal,
    LedgerRefusal, ListingFlaw, ListingRefusal, OfferRefusal, OrderRefusal, PaymentRefusal,
    SecondFactorRefusal, SessionRefusal, UserRefusal, WithdrawalRefusal,
};
use p2p_edge::failure::error_chain;
use p2p_edge::{Challenge, FieldError, ProblemDetails};

use super::Problem;
use crate::streams::Full;

/// The title of each refusal, and the request's field that it is about, if it is about one.
fn refusal(refusal: &Refusal) -> (&'static str, Option<&'static str>) {
    match refusal {
        Refusal::NotFound(_) => ("Not found", None),
        Refusal::Offer(OfferRefusal::IllegalTransition { .. }) => {
            ("The deal's state does not allow this", None)
        }
        Refusal::Access(AccessRefusal::RoleRequired { .. }) => ("A role is missing", None),
        Refusal::Access(AccessRefusal::IdentityMismatch) => ("The author is not the caller", None),
        Refusal::Access(AccessRefusal::NotOwner) => ("Only the owner may do this", None),
        Refusal::Access(AccessRefusal::ConflictOfInterest) => ("Conflict of interest", None),
        Refusal::Access(AccessRefusal::OwnAdminRole) => ("ADMIN can't remove its own role", None),
        Refusal::Access(AccessRefusal::SelfDeal) => ("A deal needs two different users", None),
        Refusal::Amount(AmountRefusal { role, .. }) => {
            ("The amount can't be used", Some(amount_field(*role)))
        }
        Refusal::Ledger(LedgerRefusal::InsufficientFunds { .. }) => ("Not enough funds", None),
        Refusal::Ledger(LedgerRefusal::CounterpartyFunds { .. }) => {
            ("The other side doesn't have enough funds", None)
        }
        Refusal::Ledger(LedgerRefusal::BalanceOverflow) => {
            ("The balance would become too large", None)
        }
        Refusal::Listing(ListingRefusal::Paused) => ("The listing is paused", None),
        Refusal::Listing(ListingRefusal::Closed) => ("The listing is closed", None),
        Refusal::Listing(ListingRefusal::WrongExchangeType) => {
            ("The listing is for the other direction", None)
        }
        Refusal::Exchanger(ExchangerRefusal::Offline) => ("The exchanger is offline", None),
        Refusal::Exchanger(ExchangerRefusal::Frozen) => ("The exchanger is frozen", None),
        Refusal::Listing(ListingRefusal::OverRemaining { .. }) => {
            ("More than the listing's remaining amount", Some("amount"))
        }
        Refusal::Listing(ListingRefusal::BelowMinimum { .. }) => {
            ("Below the listing's minimum", Some("amount"))
        }
        Refusal::Listing(ListingRefusal::AboveMaximum { .. }) => {
            ("Above the listing's maximum", Some("amount"))
        }
        Refusal::Listing(ListingRefusal::Invalid(flaw)) => (
            "The listing's amounts are inconsistent",
            Some(listing_field(*flaw)),
        ),
        Refusal::Listing(ListingRefusal::TotalBelowCommitted) => (
            "The total is below the amount of its deals",
            Some("total_amount"),
        ),
        Refusal::Dispute(DisputeRefusal::AlreadyOpened) => ("Already disputed by this side", None),
        Refusal::Dispute(DisputeRefusal::AlreadyResolved) => {
            ("The dispute is already resolved", None)
        }
        Refusal::Offer(OfferRefusal::SplitOutOfRange { .. }) => (
            "A split must give both sides an amount",
            Some("payer_amount"),
        ),
        Refusal::Dispute(DisputeRefusal::PayerAmountMismatch) => {
            ("payer_amount is for a split only", Some("payer_amount"))
        }
        Refusal::Order(OrderRefusal::Exists) => ("The order id is taken", Some("order_id")),
        Refusal::Payment(PaymentRefusal::Declined) => ("The payment was declined", None),
        Refusal::IdempotencyKeyReused => ("The idempotency key was used for another request", None),
        Refusal::Withdrawal(WithdrawalRefusal::AlreadyDecided) => {
            ("The withdrawal is already decided", None)
        }
        Refusal::User(UserRefusal::EmailTaken) => ("The e-mail address is taken", Some("email")),
        Refusal::Session(SessionRefusal::BadCredentials) => ("Wrong e-mail or password", None),
        Refusal::Session(SessionRefusal::TooManyAttempts { .. }) => {
            ("Too many failed attempts", None)
        }
        Refusal::User(UserRefusal::EmailNotVerified) => {
            ("The e-mail address is not verified", None)
        }
        Refusal::SecondFactor(SecondFactorRefusal::Required) => {
            ("The second factor is required", None)
        }
        Refusal::SecondFactor(SecondFactorRefusal::Wrong) => ("Invalid code", None),
        Refusal::SecondFactor(SecondFactorRefusal::AlreadyActive) => {
            ("A second factor is already in use", None)
        }
        Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled) => {
            ("No second factor is in use", None)
        }
        Refusal::Session(SessionRefusal::Over) => ("The session has ended", None),
        Refusal::User(UserRefusal::LinkSpent) => {
            ("The link is invalid or has expired", Some("token"))
        }
        Refusal::User(UserRefusal::WeakPassword { .. }) => ("The password is too weak", None),
        Refusal::TooMany { .. } => ("Limit reached", None),
        Refusal::Conduct(ConductRefusal::CancelledTooOften { .. }) => {
            ("Too many deals were cancelled", None)
        }
        Refusal::Broken { .. } => ("Internal error", None),
    }
}

/// The status of each kind of error. 409: the state forbids the request, whatever its values; 422: other values would do.
pub(super) const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::WrongState => StatusCode::CONFLICT,
        ErrorKind::Unsatisfiable | ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Busy | ErrorKind::Unavailable | ErrorKind::OutcomeUnknown => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The field of a request that holds this amount.
const fn amount_field(role: AmountRole) -> &'static str {
    match role {
        AmountRole::Amount => "amount",
        AmountRole::Price => "price",
        AmountRole::Total => "total_amount",
        AmountRole::Min => "min_amount",
        AmountRole::Max => "max_amount",
        AmountRole::PayerAmount => "payer_amount",
    }
}

/// The field of a listing that has this flaw.
const fn listing_field(flaw: ListingFlaw) -> &'static str {
    match flaw {
        ListingFlaw::NotCrypto => "crypto_asset",
        ListingFlaw::NotFiat => "fiat_currency",
        ListingFlaw::LimitsNotInFiat | ListingFlaw::MinNotPositive => "min_amount",
        ListingFlaw::TotalNotPositive => "total_amount",
        ListingFlaw::MaxBelowMin => "max_amount",
        ListingFlaw::PaymentWindowOutOfRange => "payment_window_minutes",
        ListingFlaw::NoPaymentMethod => "payment_methods",
    }
}

impl Problem {
    /// A refusal, with the status of its kind.
    fn of_refusal(
        why: &Refusal,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> ProblemDetails {
        ProblemDetails::new(status_of(why.into()), why.code(), title, detail)
    }

    /// A failed command, with the status of its kind.
    fn of_command(
        error: &CommandError,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> ProblemDetails {
        ProblemDetails::new(status_of(error.into()), error.code(), title, detail)
    }
}

impl From<AccessRefusal> for Problem {
    fn from(refusal: AccessRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}

impl From<Refusal> for Problem {
    fn from(why: Refusal) -> Self {
        if let Refusal::Broken { .. } = why {
            return Self::internal(why.to_string());
        }
        let (title, field) = refusal(&why);
        let details = Self::of_refusal(&why, title, why.to_string());
        let details = match &why {
            Refusal::Offer(OfferRefusal::IllegalTransition { state, trigger, .. }) => {
                let state = state.map_or("NONE", p2p_domain::Status::name);
                details.with_transition(state, trigger.name())
            }
            Refusal::Session(SessionRefusal::BadCredentials)
            | Refusal::SecondFactor(SecondFactorRefusal::Wrong) => {
                details.with_challenge(Challenge::BEARER)
            }
            Refusal::Session(SessionRefusal::Over) => {
                details.with_challenge(Challenge::INVALID_TOKEN)
            }
            Refusal::SecondFactor(SecondFactorRefusal::Required) => {
                details.with_challenge(Challenge::StepUp)
            }
            Refusal::Session(SessionRefusal::TooManyAttempts { wait }) => {
                details.with_retry_after(whole_seconds(*wait))
            }
            _ => details,
        };
        if let Some(field) = field {
            let message = match &why {
                Refusal::Amount(AmountRefusal { error, .. }) => error.to_string(),
                Refusal::Listing(ListingRefusal::Invalid(flaw)) => flaw.reason().to_owned(),
                other => other.to_string(),
            };
            let errors = vec![FieldError::new(field, why.code(), message)];
            return Self(details.with_errors(errors));
        }
        Self(details)
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Busy => {
                let title = "Too many requests are waiting";
                let detail = "nothing was changed; try again in a moment";
                Self(Self::of_command(&error, title, detail).with_retry_after(1))
            }
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
        | StorageError::Blocked { .. } => Problem(unavailable().0.with_cause(error_chain(error))),
        StorageError::InDoubt { .. } => Problem(in_doubt().0.with_cause(error_chain(error))),
        StorageError::Corrupt { .. } | StorageError::Rejected { .. } => {
            Problem::internal(error_chain(error))
        }
    }
}

/// Authentication failed.
impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Refused(refusal) => refusal.into(),
            AccessError::Command(error) => error.into(),
            AccessError::Storage(error) => storage_failed(&error),
            AccessError::Password(error) => error.into(),
            AccessError::SecondFactor(error) => Self::internal(error_chain(&error)),
            AccessError::Token(error) => Self::internal(error_chain(&error)),
        }
    }
}

/// Reports a weak password as an error of `field`.
pub(crate) fn of_password(field: &'static str) -> impl FnOnce(AccessError) -> Problem {
    move |error| {
        let weakness = match &error {
            AccessError::Refused(Refusal::User(UserRefusal::WeakPassword { reason })) => {
                Some(*reason)
            }
            _ => None,
        };
        let problem = Problem::from(error);
        match weakness {
            Some(reason) => {
                let entry = FieldError::new(field, problem.code().to_owned(), reason);
                Problem(problem.0.with_errors(vec![entry]))
            }
            None => problem,
        }
    }
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        match full {
            Full::Server => Self::no_stream_left(),
            Full::User => Self::too_many_streams(),
        }
    }
}

/// A password could not be hashed.
impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => CommandError::Busy.into(),
            PasswordError::Failed(_) => Self::internal(error_chain(&error)),
        }
    }
}

/// Rounded up, so that a client that waits this long is not too early.
const fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(if wait.subsec_nanos() > 0 { 1 } else { 0 })
}

/// Storage is not available.
pub(super) fn unavailable() -> Problem {
    let problem = Problem::of_command(
        &CommandError::Unavailable,
        "Storage is not available",
        "nothing was changed; try again later",
    );
    Problem(problem.with_retry_after(5))
}

fn in_doubt() -> Problem {
    Problem(Problem::of_command(
        &CommandError::InDoubt,
        "The outcome is unknown",
        "the connection to storage was lost during the commit: check before you try again, or send it again under the same \
         idempotency key",
    ))
}

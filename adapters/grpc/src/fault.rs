//! Errors on their way to the client: a status with google.rpc.ErrorInfo, google.rpc.BadRequest where fields are at
//! fault, and google.rpc.RetryInfo where it is worth while to try again.
//!
//! The status of the application's errors follows from their kind ([`ErrorKind`]); requests that never reach it have theirs here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use p2p_application::ports::{StorageError, TokenError};
use p2p_application::{CommandError, ErrorKind, QueryError};
use p2p_domain::Refusal;
use p2p_domain::refusal::{
    AccessRefusal, AmountRefusal, AmountRole, ConductRefusal, DisputeRefusal, LedgerRefusal,
    ListingRefusal, OfferRefusal, SessionRefusal,
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// Whose codes these are.
const DOMAIN: &str = "p2p-market";

/// An error.
#[derive(Debug)]
pub(crate) struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: Code,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    facts: Vec<(&'static str, String)>,
    fields: Vec<FieldFault>,
    retry_after: Option<Duration>,
    /// What went wrong inside; for the log only.
    cause: Option<String>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldFault {
    pub(crate) field: &'static str,
    /// Stable; clients may rely on it.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(
        status: Code,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            message: message.into(),
            facts: Vec::new(),
            fields: Vec::new(),
            retry_after: None,
            cause: None,
        }))
    }

    /// A failed command, with the status of its kind.
    fn of_command(error: &CommandError, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status_of(error.into()), error.code(), message)
    }

    /// A defect of ours. The cause is logged, never shown.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let message = "something went wrong on our side; the request id helps us to find out what";
        let mut fault = Self::new(Code::Internal, "INTERNAL", message);
        fault.0.cause = Some(cause.into());
        fault
    }

    /// Fields that can't be used, all of them at once; where all are missing, that is the code.
    pub(crate) fn invalid(fields: Vec<FieldFault>) -> Self {
        let missing = fields.iter().all(|field| field.code == "MISSING_FIELD");
        let code = if missing {
            "MISSING_FIELD"
        } else {
            "VALIDATION_FAILED"
        };
        let mut fault = Self::new(Code::InvalidArgument, code, describe(&fields));
        fault.0.fields = fields;
        fault
    }

    /// One field is at fault, in a way that has a code of its own.
    pub(crate) fn in_field(field: FieldFault) -> Self {
        let message = format!("{}: {}", field.field, field.message);
        let mut fault = Self::new(Code::InvalidArgument, field.code, message);
        fault.0.fields = vec![field];
        fault
    }

    /// Nobody says who is asking.
    pub(crate) fn unauthenticated(message: &'static str) -> Self {
        Self::new(Code::Unauthenticated, "UNAUTHENTICATED", message)
    }

    /// Somebody says so, but can't prove it.
    pub(crate) fn bad_token(error: TokenError) -> Self {
        let code = match error {
            TokenError::Invalid => "INVALID_TOKEN",
            TokenError::Expired => "TOKEN_EXPIRED",
            TokenError::Ended => return Refusal::Session(SessionRefusal::Over).into(),
            TokenError::Unknown => return CommandError::Unavailable.into(),
        };
        Self::new(Code::Unauthenticated, code, error.to_string())
    }

    /// A key that nobody can be sure to send again.
    pub(crate) fn bad_idempotency_key() -> Self {
        Self::new(
            Code::InvalidArgument,
            "IDEMPOTENCY_KEY_INVALID",
            "an idempotency key comes once and has 1 to 128 visible ASCII characters, in quotes or without",
        )
    }

    /// The deadline has passed, the client's or the server's own.
    pub(crate) fn timed_out() -> Self {
        Self::new(
            Code::DeadlineExceeded,
            "TIMEOUT",
            "a change may still take effect: look before you try again, or send it again under the same idempotency key",
        )
    }

    /// Somebody calls more often than they may.
    pub(crate) fn rate_limited(wait: Duration) -> Self {
        let mut fault = Self::new(
            Code::ResourceExhausted,
            "RATE_LIMITED",
            "too many calls: nothing was done; try again when google.rpc.RetryInfo says",
        );
        fault.0.retry_after = Some(wait);
        fault
    }

    /// As many streams are open as there may be.
    pub(crate) fn no_stream_left() -> Self {
        Self::new(
            Code::ResourceExhausted,
            "NO_STREAM_LEFT",
            "this server carries as many streams as it may",
        )
        .with_retry_after(5)
    }

    /// The server is about to stop.
    pub(crate) fn stopping() -> Self {
        Self::new(
            Code::Unavailable,
            "UNAVAILABLE",
            "the server is about to stop",
        )
    }

    fn with_fact(mut self, name: &'static str, value: impl ToString) -> Self {
        self.0.facts.push((name, value.to_string()));
        self
    }

    fn with_retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(Duration::from_secs(seconds));
        self
    }
}

/// One bad field in full, several by name.
fn describe(fields: &[FieldFault]) -> String {
    match fields {
        [one] => format!("{}: {}", one.field, one.message),
        several => {
            let names: Vec<_> = several.iter().map(|field| field.field).collect();
            let count = several.len();
            format!("{count} fields can't be used: {}", names.join(", "))
        }
    }
}

/// The status of each kind of error. FAILED_PRECONDITION: the state has to change first; INVALID_ARGUMENT: the request has to.
const fn status_of(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Forbidden => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::WrongState | ErrorKind::Unsatisfiable => Code::FailedPrecondition,
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::Throttled | ErrorKind::Busy => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::OutcomeUnknown => Code::Unknown,
        ErrorKind::Internal => Code::Internal,
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        if let Refusal::Broken { .. } = refusal {
            return Self::internal(refusal.to_string());
        }
        let (status, code) = (status_of(ErrorKind::from(&refusal)), refusal.code());
        let mut fault = Self::new(status, code, refusal.to_string());
        if let Some(field) = field_of(&refusal) {
            let message = match &refusal {
                Refusal::Amount(AmountRefusal { error, .. }) => error.to_string(),
                other => other.to_string(),
            };
            fault = fault.with_fact("field", field);
            fault.0.fields = vec![FieldFault {
                field,
                code,
                message,
            }];
        }
        match refusal {
            Refusal::Offer(OfferRefusal::IllegalTransition { state, trigger, .. }) => fault
                .with_fact("state", state.map_or("NONE", p2p_domain::Status::name))
                .with_fact("event", trigger),
            Refusal::Access(AccessRefusal::RoleRequired { role }) => fault.with_fact("role", role),
            Refusal::Ledger(LedgerRefusal::InsufficientFunds { asset })
            | Refusal::Ledger(LedgerRefusal::CounterpartyFunds { asset }) => {
                fault.with_fact("asset", asset)
            }
            Refusal::Session(SessionRefusal::TooManyAttempts { wait }) => {
                fault.0.retry_after = Some(wait);
                fault
            }
            Refusal::TooMany { max, .. } => fault.with_fact("most", max),
            Refusal::Conduct(ConductRefusal::CancelledTooOften { until }) => {
                fault.with_fact("until", until)
            }
            _ => fault,
        }
    }
}

/// The field that a refusal is about, if it is about one.
const fn field_of(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Amount(AmountRefusal { role, .. }) => Some(amount_field(*role)),
        Refusal::Listing(ListingRefusal::OverRemaining { .. })
        | Refusal::Listing(ListingRefusal::BelowMinimum { .. })
        | Refusal::Listing(ListingRefusal::AboveMaximum { .. }) => Some("amount"),
        Refusal::Offer(OfferRefusal::SplitOutOfRange { .. })
        | Refusal::Dispute(DisputeRefusal::PayerAmountMismatch) => Some("payer_amount"),
        _ => None,
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

impl From<CommandError> for Fault {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Busy => {
                Self::of_command(&error, "nothing was changed; try again in a moment")
                    .with_retry_after(1)
            }
            CommandError::Unavailable => {
                Self::of_command(&error, "nothing was changed; try again later").with_retry_after(5)
            }
            CommandError::InDoubt => Self::of_command(
                &error,
                "the connection to storage was lost during the commit: look before you try again, or send it again under \
                 the same idempotency key",
            ),
            CommandError::Internal => Self::internal("a command failed; see the log before this"),
        }
    }
}

impl From<StorageError> for Fault {
    /// Of a read.
    fn from(error: StorageError) -> Self {
        let as_command = CommandError::from(&error);
        if as_command == CommandError::Internal {
            return Self::internal(chain(&error));
        }
        let mut fault = Self::of_command(&as_command, "nothing was changed; try again later")
            .with_retry_after(5);
        fault.0.cause = Some(chain(&error));
        fault
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(refusal) => refusal.into(),
            QueryError::Storage(error) => error.into(),
        }
    }
}

/// Written down as clients get it. What went wrong inside is told to the log, once, and to nobody else.
impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let parts = *fault.0;
        if let Some(cause) = parts.cause {
            tracing::error!(code = %parts.code, cause, "a call failed");
        }
        let facts: HashMap<String, String> = parts
            .facts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let mut details = ErrorDetails::with_error_info(parts.code, DOMAIN, facts);
        if !parts.fields.is_empty() {
            let violations = parts.fields.into_iter().map(FieldViolation::from);
            details.set_bad_request(violations.collect::<Vec<_>>());
        }
        if parts.retry_after.is_some() {
            details.set_retry_info(parts.retry_after);
        }
        Self::with_error_details(parts.status, parts.message, details)
    }
}

impl From<FieldFault> for FieldViolation {
    fn from(fault: FieldFault) -> Self {
        Self {
            reason: fault.code.to_owned(),
            ..Self::new(fault.field, fault.message)
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::refusal::SecondFactorRefusal;

    fn told(fault: Fault) -> (Code, String, ErrorDetails) {
        let status = Status::from(fault);
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone());
        (status.code(), reason.unwrap_or_default(), details)
    }

    #[test]
    fn who_has_tried_too_often_is_told_how_long_to_wait() {
        let wait = Duration::from_millis(7_200);
        let (code, reason, details) =
            told(Refusal::Session(SessionRefusal::TooManyAttempts { wait }).into());
        assert_eq!(code, Code::ResourceExhausted);
        assert_eq!(reason, "TOO_MANY_ATTEMPTS");
        let retry = details.retry_info().and_then(|retry| retry.retry_delay);
        assert_eq!(retry, Some(wait));
    }

    #[test]
    fn a_token_that_is_good_no_more_is_told_from_one_that_cant_be_checked() {
        let of = |error| {
            let (code, reason, _) = told(Fault::bad_token(error));
            (code, reason)
        };
        let over = (Code::Unauthenticated, "SESSION_OVER".to_owned());
        assert_eq!(of(TokenError::Ended), over);
        let away = (Code::Unavailable, "UNAVAILABLE".to_owned());
        assert_eq!(of(TokenError::Unknown), away);
    }

    #[test]
    fn a_second_factor_that_is_needed_is_a_matter_of_who_asks() {
        let (code, reason, _) = told(Refusal::SecondFactor(SecondFactorRefusal::Required).into());
        assert_eq!(code, Code::Unauthenticated);
        assert_eq!(reason, "SECOND_FACTOR_REQUIRED");
    }
}

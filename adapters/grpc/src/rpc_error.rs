//! Errors on their way to the client: a status with google.rpc.ErrorInfo, google.rpc.BadRequest for invalid
//! fields, and google.rpc.RetryInfo if a retry makes sense.
//!
//! The status of the application's errors follows from their kind ([`ErrorKind`]); requests that never reach it have theirs here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use p2p_application::ports::{StorageError, TokenError};
use p2p_application::{CommandError, ErrorKind, QueryError};
use p2p_domain::Refusal;
use p2p_domain::refusal::{
    AccessRefusal, AmountRefusal, AmountRole, ConductRefusal, DisputeRefusal, LedgerRefusal,
    ListingRefusal, OfferRefusal, SessionRefusal,
};
use p2p_edge::FieldError;
use p2p_edge::failure::error_chain;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// The domain of the codes.
const DOMAIN: &str = "p2p-market";

/// An error.
#[derive(Debug)]
pub(crate) struct RpcError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: Code,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    facts: Vec<(&'static str, String)>,
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
    /// What went wrong inside; for the log only.
    cause: Option<String>,
}

impl RpcError {
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
        let mut details = Self::new(Code::Internal, "INTERNAL", message);
        details.0.cause = Some(cause.into());
        details
    }

    /// All invalid fields at once; if all of them are missing, that is the code.
    pub(crate) fn invalid(fields: Vec<FieldError>) -> Self {
        let missing = fields.iter().all(|field| field.code == "MISSING_FIELD");
        let code = if missing {
            "MISSING_FIELD"
        } else {
            "VALIDATION_FAILED"
        };
        let mut details = Self::new(Code::InvalidArgument, code, FieldError::describe(&fields));
        details.0.fields = fields;
        details
    }

    /// One invalid field, whose error has a code of its own.
    pub(crate) fn in_field(field: FieldError) -> Self {
        let message = format!("{}: {}", field.field, field.message);
        let mut details = Self::new(Code::InvalidArgument, field.code.clone(), message);
        details.0.fields = vec![field];
        details
    }

    /// The call carries no credentials.
    pub(crate) fn unauthenticated(message: &'static str) -> Self {
        Self::new(Code::Unauthenticated, "UNAUTHENTICATED", message)
    }

    /// The access token is not accepted.
    pub(crate) fn bad_token(error: TokenError) -> Self {
        let code = match error {
            TokenError::Invalid => "INVALID_TOKEN",
            TokenError::Expired => "TOKEN_EXPIRED",
            TokenError::Ended => return Refusal::Session(SessionRefusal::Over).into(),
            TokenError::Unknown => return CommandError::Unavailable.into(),
        };
        Self::new(Code::Unauthenticated, code, error.to_string())
    }

    /// The idempotency key can't be repeated reliably.
    pub(crate) fn bad_idempotency_key() -> Self {
        Self::new(
            Code::InvalidArgument,
            "IDEMPOTENCY_KEY_INVALID",
            "an idempotency key comes once and has 1 to 128 visible ASCII characters, in quotes or without",
        )
    }

    /// The deadline of the client or of the server has passed.
    pub(crate) fn timed_out() -> Self {
        Self::new(
            Code::DeadlineExceeded,
            "TIMEOUT",
            "a change may still take effect: look before you try again, or send it again under the same idempotency key",
        )
    }

    /// The caller exceeds a rate limit.
    pub(crate) fn rate_limited(wait: Duration) -> Self {
        let mut details = Self::new(
            Code::ResourceExhausted,
            "RATE_LIMITED",
            "too many calls: nothing was done; try again when google.rpc.RetryInfo says",
        );
        details.0.retry_after = Some(wait);
        details
    }

    /// The limit of open streams is reached.
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

impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> Self {
        if let Refusal::Broken { .. } = refusal {
            return Self::internal(refusal.to_string());
        }
        let (status, code) = (status_of(ErrorKind::from(&refusal)), refusal.code());
        let mut details = Self::new(status, code, refusal.to_string());
        if let Some(field) = field_of(&refusal) {
            let message = match &refusal {
                Refusal::Amount(AmountRefusal { error, .. }) => error.to_string(),
                other => other.to_string(),
            };
            details = details.with_fact("field", field);
            details.0.fields = vec![FieldError::new(field, code, message)];
        }
        match refusal {
            Refusal::Offer(OfferRefusal::IllegalTransition { state, trigger, .. }) => details
                .with_fact("state", state.map_or("NONE", p2p_domain::Status::name))
                .with_fact("event", trigger),
            Refusal::Access(AccessRefusal::RoleRequired { role }) => {
                details.with_fact("role", role)
            }
            Refusal::Ledger(LedgerRefusal::InsufficientFunds { asset })
            | Refusal::Ledger(LedgerRefusal::CounterpartyFunds { asset }) => {
                details.with_fact("asset", asset)
            }
            Refusal::Session(SessionRefusal::TooManyAttempts { wait }) => {
                details.0.retry_after = Some(wait);
                details
            }
            Refusal::TooMany { max, .. } => details.with_fact("most", max),
            Refusal::Conduct(ConductRefusal::CancelledTooOften { until }) => {
                details.with_fact("until", until)
            }
            _ => details,
        }
    }
}

/// The field that a refusal is about, if any.
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

impl From<CommandError> for RpcError {
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

impl From<StorageError> for RpcError {
    /// Of a read.
    fn from(error: StorageError) -> Self {
        let as_command = CommandError::from(&error);
        if as_command == CommandError::Internal {
            return Self::internal(error_chain(&error));
        }
        let mut details = Self::of_command(&as_command, "nothing was changed; try again later")
            .with_retry_after(5);
        details.0.cause = Some(error_chain(&error));
        details
    }
}

impl From<QueryError> for RpcError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(refusal) => refusal.into(),
            QueryError::Storage(error) => error.into(),
        }
    }
}

/// Renders the status. What went wrong inside is logged here, once, and never shown.
impl From<RpcError> for Status {
    fn from(error: RpcError) -> Self {
        let parts = *error.0;
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
            let violations = parts.fields.into_iter().map(violation);
            details.set_bad_request(violations.collect::<Vec<_>>());
        }
        if parts.retry_after.is_some() {
            details.set_retry_info(parts.retry_after);
        }
        Self::with_error_details(parts.status, parts.message, details)
    }
}

fn violation(error: FieldError) -> FieldViolation {
    FieldViolation {
        reason: error.code.into_owned(),
        ..FieldViolation::new(error.field, error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::refusal::SecondFactorRefusal;

    fn rendered(error: RpcError) -> (Code, String, ErrorDetails) {
        let status = Status::from(error);
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone());
        (status.code(), reason.unwrap_or_default(), details)
    }

    #[test]
    fn too_many_attempts_report_how_long_to_wait() {
        let wait = Duration::from_millis(7_200);
        let (code, reason, details) =
            rendered(Refusal::Session(SessionRefusal::TooManyAttempts { wait }).into());
        assert_eq!(code, Code::ResourceExhausted);
        assert_eq!(reason, "TOO_MANY_ATTEMPTS");
        let retry = details.retry_info().and_then(|retry| retry.retry_delay);
        assert_eq!(retry, Some(wait));
    }

    #[test]
    fn an_ended_token_differs_from_one_that_cant_be_checked() {
        let of = |error| {
            let (code, reason, _) = rendered(RpcError::bad_token(error));
            (code, reason)
        };
        let over = (Code::Unauthenticated, "SESSION_OVER".to_owned());
        assert_eq!(of(TokenError::Ended), over);
        let away = (Code::Unavailable, "UNAVAILABLE".to_owned());
        assert_eq!(of(TokenError::Unknown), away);
    }

    #[test]
    fn a_missing_second_factor_is_unauthenticated() {
        let (code, reason, _) =
            rendered(Refusal::SecondFactor(SecondFactorRefusal::Required).into());
        assert_eq!(code, Code::Unauthenticated);
        assert_eq!(reason, "SECOND_FACTOR_REQUIRED");
    }
}

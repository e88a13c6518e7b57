//! Problems of the request itself, before any use case has seen it.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode};
use p2p_application::ports::TokenError;
use p2p_domain::refusal::SessionRefusal;
use p2p_domain::{IdError, Refusal};

use super::table::unavailable;
use super::{FieldError, Problem};
use crate::payment::SignatureError;
use crate::wire::id_fault;

impl Problem {
    /// The body is not JSON at all.
    pub(crate) fn not_json(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "MALFORMED_JSON",
            "The body is not JSON",
            detail,
        )
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "The body must be JSON",
            "send the body with `Content-Type: application/json`, in UTF-8 and not compressed",
        )
    }

    /// The rest of the body is not waited for any longer.
    pub(crate) fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "REQUEST_TIMEOUT",
            "The body did not come in time",
            "nothing was done; send the request again",
        )
    }

    /// The body is larger than anything that the market has use for.
    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PAYLOAD_TOO_LARGE",
            "The body is too large",
            "a body may have up to 64 KiB",
        )
    }

    /// The request is well formed, but its fields can't be used. They are named at once; where all are wrong in the same
    /// way, that is the problem's code.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let shape = [
            "UNKNOWN_FIELD",
            "WRONG_TYPE",
            "MISSING_FIELD",
            "DUPLICATE_FIELD",
        ];
        let code = match errors.first().map(|error| error.code.clone()) {
            Some(code)
                if shape.contains(&code.as_ref())
                    && errors.iter().all(|error| error.code == code) =>
            {
                code
            }
            _ => Cow::Borrowed("VALIDATION_FAILED"),
        };
        let detail = describe(&errors);
        let title = "The request's fields can't be used";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail).with_errors(errors)
    }

    /// The query string can't be used.
    pub(crate) fn invalid_query(errors: Vec<FieldError>) -> Self {
        let detail = describe(&errors);
        let title = "The query string can't be used";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_QUERY", title, detail).with_errors(errors)
    }

    /// Not a cursor that this list has ever given out.
    pub(crate) fn invalid_cursor() -> Self {
        let detail = "use the `next_cursor` of the page before, with the same filters";
        let title = "The cursor can't be used";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_CURSOR", title, detail)
            .with_errors(vec![FieldError::new("cursor", "INVALID_CURSOR", detail)])
    }

    /// The path has no id where one is wanted.
    pub(crate) fn bad_id(error: &IdError) -> Self {
        let fault = id_fault(error);
        let title = "The id in the path can't be used";
        Self::new(StatusCode::BAD_REQUEST, fault.code, title, fault.message)
    }

    /// Nobody says who is asking.
    pub(crate) fn unauthenticated(detail: &'static str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "Not logged in",
            detail,
        )
        .with_challenge("Bearer")
    }

    /// Somebody says so, but can't prove it.
    pub(crate) fn bad_token(error: TokenError) -> Self {
        let (code, title, challenge) = match error {
            TokenError::Invalid => (
                "INVALID_TOKEN",
                "The access token is not valid",
                "Bearer error=\"invalid_token\"",
            ),
            TokenError::Expired => (
                "TOKEN_EXPIRED",
                "The access token has expired",
                "Bearer error=\"invalid_token\", error_description=\"expired\"",
            ),
            TokenError::Ended => return Refusal::Session(SessionRefusal::Over).into(),
            TokenError::Unknown => return unavailable(),
        };
        Self::new(StatusCode::UNAUTHORIZED, code, title, error.to_string())
            .with_challenge(challenge)
    }

    /// A payment report that is not signed as agreed.
    pub(crate) fn bad_signature(error: SignatureError) -> Self {
        let code = match error {
            SignatureError::Missing => "SIGNATURE_MISSING",
            SignatureError::Invalid => "SIGNATURE_INVALID",
            SignatureError::Expired => "SIGNATURE_EXPIRED",
        };
        let title = "The signature can't be accepted";
        Self::new(StatusCode::UNAUTHORIZED, code, title, error.to_string())
            .with_challenge("Signature")
    }

    /// JSON, but no payment report.
    pub(crate) fn invalid_report(detail: String) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "INVALID_REPORT",
            "The payment report can't be used",
            detail,
        )
    }

    /// A key that nobody can be sure to send again.
    pub(crate) fn bad_idempotency_key() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "IDEMPOTENCY_KEY_INVALID",
            "The idempotency key can't be used",
            "`Idempotency-Key` comes once and has 1 to 128 visible ASCII characters, in quotes or without",
        )
    }

    /// Where money moves a request must be safe to send again.
    pub(crate) fn idempotency_key_required() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "IDEMPOTENCY_KEY_REQUIRED",
            "An idempotency key is needed",
            "send `Idempotency-Key`: a text of your choice, another one for each new request, such as a UUID",
        )
    }

    /// Not the number of an event.
    pub(crate) fn invalid_last_event_id() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "INVALID_LAST_EVENT_ID",
            "The last event's id can't be used",
            "`Last-Event-ID` is the `id` of the last event that was received",
        )
    }

    /// One caller has as many streams open as one may have.
    pub(crate) fn too_many_streams() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_STREAMS",
            "Too many streams are open",
            "close one of your streams first",
        )
    }

    /// All callers together have as many streams open as this server carries.
    pub(crate) fn no_stream_left() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "NO_STREAM_LEFT",
            "No further stream can be opened",
            "this server carries as many streams as it may; try again later",
        )
        .with_retry_after(30)
    }

    /// Somebody asks more often than they may.
    pub(crate) fn rate_limited(seconds: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "RATE_LIMITED",
            "Too many requests",
            "nothing was done; try again when `Retry-After` says",
        )
        .with_retry_after(seconds)
    }

    /// A WebSocket is opened by an upgrade, which this request does not ask for.
    pub(crate) fn upgrade_required() -> Self {
        Self::new(
            StatusCode::UPGRADE_REQUIRED,
            "UPGRADE_REQUIRED",
            "This is a WebSocket",
            "open it with a WebSocket client, or use /api/events",
        )
    }

    /// A web page that may not open a WebSocket here.
    pub(crate) fn origin_not_allowed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "ORIGIN_NOT_ALLOWED",
            "The page's origin is not allowed",
            "web pages of this origin may not open a WebSocket here",
        )
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "ROUTE_NOT_FOUND",
            "There is no such route",
            "see /swagger-ui for those that there are",
        )
    }

    /// `allow`: the methods that the route does have.
    pub(crate) fn method_not_allowed(allow: Option<HeaderValue>) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "The route does not have this method",
            "the `Allow` header names the methods that it has",
        );
        problem.0.allow = allow;
        problem
    }

    pub(crate) fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "TIMEOUT",
            "The request took too long",
            "a change may still take effect: look before you try again, or send it again under the same idempotency key",
        )
    }
}

/// One bad field in full, several by name.
fn describe(errors: &[FieldError]) -> String {
    match errors {
        [one] if one.field.is_empty() => one.message.clone(),
        [one] => format!("{}: {}", one.field, one.message),
        several => {
            let fields: Vec<_> = several.iter().map(|error| error.field.as_str()).collect();
            format!(
                "{} fields can't be used: {}",
                several.len(),
                fields.join(", ")
            )
        }
    }
}

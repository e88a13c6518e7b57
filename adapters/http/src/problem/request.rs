//! Problems of the request itself, before any use case has seen it.

use axum::http::StatusCode;
use p2p_application::ports::TokenError;
use p2p_domain::refusal::SessionRefusal;
use p2p_domain::{IdError, Refusal};
use p2p_edge::{Challenge, ProblemDetails};

use super::Problem;
use super::table::unavailable;
use crate::wire::id_fault;

/// Why a signature is not accepted. An unknown provider is told the same as a wrong signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("a report carries the headers `X-Provider` and `X-Signature`")]
    Missing,
    #[error("expected `X-Signature: t=<unix seconds>,v1=<hex of HMAC-SHA256 over \"t.body\">`")]
    Invalid,
    #[error("the report was signed too long ago, or in the future")]
    Expired,
}

impl Problem {
    /// The path holds no valid id.
    pub(crate) fn bad_id(error: &IdError) -> Self {
        let fault = id_fault(error);
        let title = "The id in the path can't be used";
        Self::new(StatusCode::BAD_REQUEST, fault.code, title, fault.message)
    }

    /// The access token is not accepted.
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
        let details = ProblemDetails::new(StatusCode::UNAUTHORIZED, code, title, error.to_string());
        Self(details.with_challenge(Challenge::Text(challenge)))
    }

    /// The signature of a payment report is not accepted.
    pub(crate) fn bad_signature(error: SignatureError) -> Self {
        let code = match error {
            SignatureError::Missing => "SIGNATURE_MISSING",
            SignatureError::Invalid => "SIGNATURE_INVALID",
            SignatureError::Expired => "SIGNATURE_EXPIRED",
        };
        let title = "The signature can't be accepted";
        let details = ProblemDetails::new(StatusCode::UNAUTHORIZED, code, title, error.to_string());
        Self(details.with_challenge(Challenge::Text("Signature")))
    }

    /// The body is JSON, but no payment report.
    pub(crate) fn invalid_report(detail: String) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "INVALID_REPORT",
            "The payment report can't be used",
            detail,
        )
    }

    /// `Last-Event-ID` is not the number of an event.
    pub(crate) fn invalid_last_event_id() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "INVALID_LAST_EVENT_ID",
            "The last event's id can't be used",
            "`Last-Event-ID` is the `id` of the last event that was received",
        )
    }

    /// The caller has reached the limit of open streams.
    pub(crate) fn too_many_streams() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_STREAMS",
            "Too many streams are open",
            "close one of your streams first",
        )
    }

    /// The server has reached its limit of open streams.
    pub(crate) fn no_stream_left() -> Self {
        let details = ProblemDetails::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "NO_STREAM_LEFT",
            "No further stream can be opened",
            "this server has reached its limit of open streams; try again later",
        );
        Self(details.with_retry_after(30))
    }

    /// The request does not ask for the upgrade that opens a WebSocket.
    pub(crate) fn upgrade_required() -> Self {
        Self::new(
            StatusCode::UPGRADE_REQUIRED,
            "UPGRADE_REQUIRED",
            "This operation is a WebSocket",
            "open it with a WebSocket client, or use /api/events",
        )
    }

    /// The web page may not open a WebSocket here.
    pub(crate) fn origin_not_allowed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "ORIGIN_NOT_ALLOWED",
            "The page's origin is not allowed",
            "web pages of this origin may not open a WebSocket here",
        )
    }
}

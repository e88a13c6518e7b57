//! Errors as RFC 9457 `application/problem+json`, with a stable `code`.
//!
//! A handler answers with [`ProblemDetails`]; the outer layer renders them, with the request's id, and logs their cause, which
//! must not be shown. [`request`] holds the problems of the request itself, before a use case has seen it.

mod request;

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::value::InvalidValue;

/// An error on its way to the client.
#[derive(Debug, Clone)]
pub struct ProblemDetails(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    title: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    state: Option<&'static str>,
    event: Option<&'static str>,
    challenge: Option<Challenge>,
    /// In seconds.
    retry_after: Option<u64>,
    allow: Option<HeaderValue>,
    /// What went wrong inside; for the log only.
    cause: Option<String>,
}

/// What a 401 asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    Text(&'static str),
    /// A recent second factor (RFC 9470).
    StepUp,
}

impl Challenge {
    pub const BEARER: Self = Self::Text("Bearer");
    pub const INVALID_TOKEN: Self = Self::Text("Bearer error=\"invalid_token\"");

    /// As a header; a second factor stays recent for `proof_lasts`.
    fn header(self, proof_lasts: Duration) -> Option<HeaderValue> {
        match self {
            Self::Text(text) => Some(HeaderValue::from_static(text)),
            Self::StepUp => {
                let seconds = proof_lasts.as_secs();
                let text =
                    format!("Bearer error=\"insufficient_user_authentication\", max_age={seconds}");
                HeaderValue::try_from(text).ok()
            }
        }
    }
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, or the path to it.
    #[schema(example = "amount")]
    pub field: String,
    /// Stable; clients may rely on it.
    #[schema(value_type = String, example = "TOO_MANY_DECIMALS")]
    pub code: Cow<'static, str>,
    /// For people.
    #[schema(example = "too many decimals: at most 6")]
    pub message: String,
}

impl FieldError {
    pub fn new(
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            code: code.into(),
            message: message.into(),
        }
    }

    pub fn invalid(field: impl Into<String>, error: InvalidValue) -> Self {
        Self::new(field, error.code, error.message)
    }

    /// One error in full, several by field.
    #[must_use]
    pub fn describe(errors: &[Self]) -> String {
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
}

/// An error (RFC 9457). `code` is stable and tells what happened; the other texts are for people and may change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "urn:p2p-market:problem:ILLEGAL_TRANSITION",
    "title": "The deal's state does not allow this",
    "status": 409,
    "detail": "EXCHANGER cannot `accept` a deal that is CANCELLED",
    "code": "ILLEGAL_TRANSITION",
    "request_id": "0196a0c3f1a77b9e8d1c5a3b2f4e6d70",
    "state": "CANCELLED",
    "event": "accept"
}))]
pub struct ProblemBody<'a> {
    /// Names the kind of problem: `urn:p2p-market:problem:` and the code.
    #[serde(rename = "type")]
    type_: String,
    /// The kind of problem in a few words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: &'a str,
    /// Stable; clients may rely on it.
    code: &'a str,
    /// Names this request; quote it when asking for help.
    request_id: &'a str,
    /// One entry for each bad field, where the request itself is wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldError>, required = false)]
    errors: &'a [FieldError],
    /// With `ILLEGAL_TRANSITION`: where the deal stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    state: Option<&'a str>,
    /// With `ILLEGAL_TRANSITION`: what was asked of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    event: Option<&'a str>,
}

/// The media type of all problems.
pub const MEDIA_TYPE: &str = "application/problem+json";

impl ProblemDetails {
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            title,
            detail: detail.into(),
            errors: Vec::new(),
            state: None,
            event: None,
            challenge: None,
            retry_after: None,
            allow: None,
            cause: None,
        }))
    }

    /// A defect of ours. The cause is logged, never shown.
    pub fn internal(cause: impl Into<String>) -> Self {
        let mut problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "Internal error",
            "something went wrong on our side; the request id helps us to find out what",
        );
        problem.0.cause = Some(cause.into());
        problem
    }

    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The challenge that a 401 must carry.
    #[must_use]
    pub fn with_challenge(mut self, challenge: Challenge) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    /// In seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The state, and the event that it does not allow.
    #[must_use]
    pub fn with_transition(mut self, state: &'static str, event: &'static str) -> Self {
        self.0.state = Some(state);
        self.0.event = Some(event);
        self
    }

    /// What went wrong inside; for the log only.
    #[must_use]
    pub fn with_cause(mut self, cause: String) -> Self {
        self.0.cause = Some(cause);
        self
    }

    #[must_use]
    pub fn title(&self) -> &'static str {
        self.0.title
    }

    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// What to log, if something went wrong inside.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The answer's body.
    #[must_use]
    pub fn body<'a>(&'a self, request_id: &'a str) -> ProblemBody<'a> {
        let parts = &self.0;
        ProblemBody {
            type_: format!("urn:p2p-market:problem:{}", parts.code),
            title: parts.title,
            status: parts.status.as_u16(),
            detail: &parts.detail,
            code: &parts.code,
            request_id,
            errors: &parts.errors,
            state: parts.state,
            event: parts.event,
        }
    }

    /// The whole answer; a second factor stays recent for `proof_lasts`.
    #[must_use]
    pub fn render(&self, request_id: &str, proof_lasts: Duration) -> Response {
        let parts = &self.0;
        let body = serde_json::to_vec(&self.body(request_id)).unwrap_or_default();
        let mut response = (parts.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        let challenge = parts.challenge.and_then(|one| one.header(proof_lasts));
        if let Some(challenge) = challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = parts.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if parts.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        if matches!(
            parts.status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE
        ) {
            // The rest of the body would be taken for the next request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(allow) = &parts.allow {
            headers.insert(header::ALLOW, allow.clone());
        }
        response
    }
}

/// Leaves the problem for the outer layer, which knows the request's id.
impl IntoResponse for ProblemDetails {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

//! Problems of the request itself, before a use case has seen it.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode};

use super::{Challenge, FieldError, ProblemDetails};

impl ProblemDetails {
    /// The body is not JSON at all.
    #[must_use]
    pub fn not_json(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "MALFORMED_JSON",
            "The body is not JSON",
            detail,
        )
    }

    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "The body must be JSON",
            "send the body with `Content-Type: application/json`, in UTF-8 and not compressed",
        )
    }

    /// The rest of the body is no longer waited for.
    #[must_use]
    pub fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "REQUEST_TIMEOUT",
            "The body did not come in time",
            "nothing was done; send the request again",
        )
    }

    /// The body is larger than any that is needed.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PAYLOAD_TOO_LARGE",
            "The body is too large",
            "a body may have up to 64 KiB",
        )
    }

    /// The request is well formed, but its fields can't be used. All of them are named; if they share one error, its code is the
    /// problem's.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
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
        let detail = FieldError::describe(&errors);
        let title = "The request's fields can't be used";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail).with_errors(errors)
    }

    /// The query string can't be used.
    #[must_use]
    pub fn invalid_query(errors: Vec<FieldError>) -> Self {
        let detail = FieldError::describe(&errors);
        let title = "The query string can't be used";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_QUERY", title, detail).with_errors(errors)
    }

    /// This list has never issued such a cursor.
    #[must_use]
    pub fn invalid_cursor() -> Self {
        let detail = "use the `next_cursor` of the page before, with the same filters";
        let title = "The cursor can't be used";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_CURSOR", title, detail)
            .with_errors(vec![FieldError::new("cursor", "INVALID_CURSOR", detail)])
    }

    /// The request carries no credentials.
    #[must_use]
    pub fn unauthenticated(detail: &'static str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "Not logged in",
            detail,
        )
        .with_challenge(Challenge::BEARER)
    }

    /// The idempotency key can't be repeated reliably.
    #[must_use]
    pub fn bad_idempotency_key() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "IDEMPOTENCY_KEY_INVALID",
            "The idempotency key can't be used",
            "`Idempotency-Key` comes once and has 1 to 128 visible ASCII characters, in quotes or without",
        )
    }

    /// Requests that move money must be safe to send again.
    #[must_use]
    pub fn idempotency_key_required() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "IDEMPOTENCY_KEY_REQUIRED",
            "An idempotency key is needed",
            "send `Idempotency-Key`: a text of your choice, another one for each new request, such as a UUID",
        )
    }

    /// The caller exceeds a rate limit.
    #[must_use]
    pub fn rate_limited(seconds: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "RATE_LIMITED",
            "Too many requests",
            "nothing was done; try again when `Retry-After` says",
        )
        .with_retry_after(seconds)
    }

    #[must_use]
    pub fn no_such_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "ROUTE_NOT_FOUND",
            "There is no such route",
            "see /swagger-ui for those that there are",
        )
    }

    /// `allow`: the methods of the route.
    #[must_use]
    pub fn method_not_allowed(allow: Option<HeaderValue>) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "The route does not have this method",
            "the `Allow` header names the methods that it has",
        );
        problem.0.allow = allow;
        problem
    }

    #[must_use]
    pub fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "TIMEOUT",
            "The request took too long",
            "a change may still take effect: look before you try again, or send it again under the same idempotency key",
        )
    }
}

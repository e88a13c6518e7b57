//! The market's errors as problems (RFC 9457), with a stable `code`.
//!
//! [`table`] turns the application's errors into problems; [`request`] holds those of requests that never get that far. A handler
//! answers with a [`Problem`]; the outer layer renders it, with the request's id, and logs what must not be shown.

mod catalogue;
mod request;
mod table;

pub(crate) use catalogue::catalogue;
pub(crate) use request::SignatureError;
pub(crate) use table::{of_password, storage_failed};

use std::borrow::Cow;
use std::ops::Deref;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use p2p_edge::ProblemDetails;

/// An error on its way to the client: the web kit's, with the market's errors as its sources.
#[derive(Debug, Clone)]
pub(crate) struct Problem(ProblemDetails);

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(ProblemDetails::new(status, code, title, detail))
    }

    /// A defect of ours. The cause is logged, never shown.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        Self(ProblemDetails::internal(cause))
    }
}

impl Deref for Problem {
    type Target = ProblemDetails;

    fn deref(&self) -> &ProblemDetails {
        &self.0
    }
}

impl From<ProblemDetails> for Problem {
    fn from(details: ProblemDetails) -> Self {
        Self(details)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

#[cfg(test)]
mod tests;

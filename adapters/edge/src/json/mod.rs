//! JSON bodies: one object, read exactly, with every bad field named at once.

mod explain;
mod validation;

pub use explain::Members;
pub(crate) use explain::{MAX_ERRORS, shown_message, shown_name};
pub(crate) use validation::field_errors;

use std::error::Error;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use utoipa::PartialSchema;
use validator::Validate;

use self::explain::{explain, may_contain_nul};
use crate::body_timeout::BodyTooSlow;
use crate::problem::ProblemDetails;

/// The largest body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// A required body.
#[derive(Debug, Clone, Copy)]
pub struct JsonBody<T>(pub T);

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned + Validate + PartialSchema,
    S: Send + Sync,
{
    type Rejection = ProblemDetails;

    async fn from_request(request: Request, _: &S) -> Result<Self, ProblemDetails> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        parse(&read(body).await?).map(Self)
    }
}

/// Refuses a request unless its one content type is JSON in UTF-8, not compressed.
pub fn require_json(headers: &HeaderMap) -> Result<(), ProblemDetails> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let is_json = types.next().is_some_and(is_plain_json) && types.next().is_none();
    if is_json && !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(());
    }
    Err(ProblemDetails::unsupported_media_type())
}

/// `application/json`, with `charset=utf-8` or without.
fn is_plain_json(value: &HeaderValue) -> bool {
    let mut parts = value.to_str().unwrap_or_default().split(';');
    let essence = parts.next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        && parts.map(str::trim).all(|parameter| {
            parameter.is_empty()
                || parameter.eq_ignore_ascii_case("charset=utf-8")
                || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
        })
}

/// The whole body, if it is not too large.
pub async fn read(body: Body) -> Result<Bytes, ProblemDetails> {
    axum::body::to_bytes(body, MAX_BODY).await.map_err(|error| {
        if is_caused_by::<LengthLimitError>(&error) {
            ProblemDetails::too_large()
        } else if is_caused_by::<BodyTooSlow>(&error) {
            ProblemDetails::body_too_slow()
        } else {
            ProblemDetails::not_json("the body could not be read to its end")
        }
    })
}

fn is_caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| error.is::<E>())
}

/// Whether the bytes are JSON at all.
#[must_use]
pub fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// Reads an object, or names every bad field.
pub fn parse<T: DeserializeOwned + Validate + PartialSchema>(
    bytes: &[u8],
) -> Result<T, ProblemDetails> {
    let plain = bytes.trim_ascii_start().starts_with(b"{") && !may_contain_nul(bytes);
    let value = match serde_json::from_slice::<T>(bytes) {
        Ok(value) if plain => value,
        Ok(value) => match explain::<T>(bytes) {
            Some(problem) => return Err(problem),
            None => value,
        },
        Err(error) => {
            return Err(
                explain::<T>(bytes).unwrap_or_else(|| ProblemDetails::not_json(error.to_string()))
            );
        }
    };
    value
        .validate()
        .map_err(|errors| ProblemDetails::invalid(field_errors(&errors)))?;
    Ok(value)
}

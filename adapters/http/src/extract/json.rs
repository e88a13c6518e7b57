//! JSON bodies: one object, read exactly, with every bad field named at once.

use std::error::Error;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use utoipa::PartialSchema;
use validator::Validate;

use super::explain::{explain, may_contain_nul};
use super::validation::field_errors;
use crate::middleware::TooSlow;
use crate::problem::Problem;

/// The largest body, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// A body that must be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned + Validate + PartialSchema,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        must_be_json(&parts.headers)?;
        parse(&read(body).await?).map(Self)
    }
}

/// Refused unless the request says that its body is JSON in UTF-8 and nothing else: one content type, no compression.
pub(crate) fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let is_json = types.next().is_some_and(is_plain_json) && types.next().is_none();
    if is_json && !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type())
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
pub(crate) async fn read(body: Body) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, MAX_BODY).await.map_err(|error| {
        if is_caused_by::<LengthLimitError>(&error) {
            Problem::too_large()
        } else if is_caused_by::<TooSlow>(&error) {
            Problem::body_too_slow()
        } else {
            Problem::not_json("the body could not be read to its end")
        }
    })
}

fn is_caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| error.is::<E>())
}

/// Whether it is JSON at all.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// The object that the bytes are, with every bad field named where they are another.
pub(crate) fn parse<T: DeserializeOwned + Validate + PartialSchema>(
    bytes: &[u8],
) -> Result<T, Problem> {
    let plain = bytes.trim_ascii_start().starts_with(b"{") && !may_contain_nul(bytes);
    let value = match serde_json::from_slice::<T>(bytes) {
        Ok(value) if plain => value,
        Ok(value) => match explain::<T>(bytes) {
            Some(problem) => return Err(problem),
            None => value,
        },
        Err(error) => {
            return Err(explain::<T>(bytes).unwrap_or_else(|| Problem::not_json(error.to_string())));
        }
    };
    value
        .validate()
        .map_err(|errors| Problem::invalid(field_errors(&errors)))?;
    Ok(value)
}

#[cfg(test)]
mod tests;

//! JSON bodies: one object, read exactly, with every bad field named at once.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use utoipa::PartialSchema;
use validator::Validate;

use super::explain::{explain, may_contain_nul};
use super::validation::field_errors;
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

/// Refused unless the request says that its body is JSON.
pub(crate) fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    let suffixed = essence
        .get(..12)
        .is_some_and(|start| start.eq_ignore_ascii_case("application/"))
        && essence.len() > 17
        && essence
            .get(essence.len() - 5..)
            .is_some_and(|end| end.eq_ignore_ascii_case("+json"));
    if suffixed || essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::unsupported_media_type())
}

/// The whole body, if it is not too large.
pub(crate) async fn read(body: Body) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, MAX_BODY).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(|source| source.is::<LengthLimitError>()) {
            Problem::too_large()
        } else {
            Problem::not_json("the body could not be read to its end")
        }
    })
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

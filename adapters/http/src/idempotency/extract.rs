//! What handlers of changes take from a request: the body and the key at once, since the key is good for this body alone.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use p2p_edge::idempotency::{KeyedRequest, read_key};
use p2p_edge::json::{parse, read, require_json};
use p2p_edge::{JsonBody, ProblemDetails};
use serde::de::DeserializeOwned;
use utoipa::PartialSchema;
use validator::Validate;

use super::once::Once;

/// A change with a body that must be there.
#[derive(Debug)]
pub(crate) struct Change<T> {
    pub(crate) body: T,
    pub(crate) once: Once,
}

impl<T, S> FromRequest<S> for Change<T>
where
    T: DeserializeOwned + Validate + PartialSchema,
    S: Send + Sync,
{
    type Rejection = ProblemDetails;

    async fn from_request(request: Request, _: &S) -> Result<Self, ProblemDetails> {
        let (parts, body) = request.into_parts();
        let key = key_of(&parts.headers)?;
        require_json(&parts.headers)?;
        let bytes = read(body).await?;
        Ok(Self {
            body: parse(&bytes)?,
            once: once(&parts, key, &bytes),
        })
    }
}

/// As [`Change`], where money moves: without a key it is not taken.
#[derive(Debug)]
pub(crate) struct KeyedChange<T>(pub(crate) Change<T>);

impl<T, S> FromRequest<S> for KeyedChange<T>
where
    T: DeserializeOwned + Validate + PartialSchema,
    S: Send + Sync,
{
    type Rejection = ProblemDetails;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProblemDetails> {
        if key_of(request.headers())?.is_none() {
            return Err(ProblemDetails::idempotency_key_required());
        }
        Change::from_request(request, state).await.map(Self)
    }
}

/// A change that makes what is called by its key, and is kept under it: there is no other record of the answer.
#[derive(Debug)]
pub(crate) struct NamedChange<T> {
    pub(crate) body: T,
    pub(crate) key: String,
}

impl<T, S> FromRequest<S> for NamedChange<T>
where
    T: DeserializeOwned + Validate + PartialSchema,
    S: Send + Sync,
{
    type Rejection = ProblemDetails;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProblemDetails> {
        let key =
            key_of(request.headers())?.ok_or_else(ProblemDetails::idempotency_key_required)?;
        let JsonBody(body) = JsonBody::from_request(request, state).await?;
        Ok(Self { body, key })
    }
}

/// A change with a body that may be left out where all of its fields may be.
#[derive(Debug)]
pub(crate) struct OptionalChange<T> {
    pub(crate) body: T,
    pub(crate) once: Once,
}

impl<T, S> FromRequest<S> for OptionalChange<T>
where
    T: DeserializeOwned + Validate + PartialSchema + Default,
    S: Send + Sync,
{
    type Rejection = ProblemDetails;

    async fn from_request(request: Request, _: &S) -> Result<Self, ProblemDetails> {
        let (parts, body) = request.into_parts();
        let key = key_of(&parts.headers)?;
        let bytes = read(body).await?;
        let body = if bytes.is_empty() {
            T::default()
        } else {
            require_json(&parts.headers)?;
            parse(&bytes)?
        };
        let once = once(&parts, key, &bytes);
        Ok(Self { body, once })
    }
}

/// A change without a body: the path says it all.
#[derive(Debug)]
pub(crate) struct BareChange(pub(crate) Once);

impl<S: Send + Sync> FromRequestParts<S> for BareChange {
    type Rejection = ProblemDetails;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemDetails> {
        let key = key_of(&parts.headers)?;
        Ok(Self(once(parts, key, &[])))
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, ProblemDetails> {
    read_key(headers).map_err(|_| ProblemDetails::bad_idempotency_key())
}

fn once(parts: &Parts, key: Option<String>, body: &[u8]) -> Once {
    Once(key.map(|key| KeyedRequest::new(parts, key, body)))
}

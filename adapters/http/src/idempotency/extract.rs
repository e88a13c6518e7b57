//! What handlers of changes take from a request: the body and the key at once, since the key is good for this body alone.

use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa::PartialSchema;
use validator::Validate;

use super::fingerprint::fingerprint;
use super::key;
use super::once::{Keyed, Once};
use crate::extract::{Json, must_be_json, parse, read};
use crate::middleware::RequestId;
use crate::problem::Problem;

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
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let key = key::read(&parts.headers)?;
        must_be_json(&parts.headers)?;
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
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if key::read(request.headers())?.is_none() {
            return Err(Problem::idempotency_key_required());
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
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let key = key::read(request.headers())?.ok_or_else(Problem::idempotency_key_required)?;
        let Json(body) = Json::from_request(request, state).await?;
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
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let key = key::read(&parts.headers)?;
        let bytes = read(body).await?;
        let body = if bytes.is_empty() {
            T::default()
        } else {
            must_be_json(&parts.headers)?;
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
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let key = key::read(&parts.headers)?;
        Ok(Self(once(parts, key, &[])))
    }
}

fn once(parts: &Parts, key: Option<String>, body: &[u8]) -> Once {
    Once(key.map(|key| keyed(parts, key, body)))
}

fn keyed(parts: &Parts, key: String, body: &[u8]) -> Keyed {
    let (method, path) = (&parts.method, parts.uri.path());
    let route = parts.extensions.get::<MatchedPath>();
    let route = route.map_or(path, MatchedPath::as_str);
    let request_id = parts.extensions.get::<RequestId>();
    Keyed {
        key,
        operation: format!("{method} {route}"),
        fingerprint: fingerprint(method, path, body),
        request_id: request_id.map_or_else(String::new, |id| id.text().to_owned()),
    }
}

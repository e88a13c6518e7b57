//! What the handler of a change takes from a request: the body and the key at once, since the key is good for this body alone.

use axum::body::Bytes;
use axum::extract::{FromRequest, MatchedPath, Request};
use axum::http::HeaderMap;
use p2p_edge::idempotency::{KeyedRequest, read_key};
use p2p_edge::json::{parse, read, require_json};
use p2p_edge::{JsonBody, ProblemDetails};
use serde::de::DeserializeOwned;
use utoipa::PartialSchema;
use validator::Validate;

use super::once::Once;
use crate::app::App;

/// The body of a change, and the key under which it is carried out. Whether a request without a key is refused is declared in
/// the operation's policy.
#[derive(Debug)]
pub(crate) struct Idempotent<B>(pub(crate) B, pub(crate) Once);

impl<B: Body> FromRequest<App> for Idempotent<B> {
    type Rejection = ProblemDetails;

    async fn from_request(request: Request, app: &App) -> Result<Self, ProblemDetails> {
        let (parts, body) = request.into_parts();
        let key = read_key(&parts.headers).map_err(|_| ProblemDetails::bad_idempotency_key())?;
        let route = parts.extensions.get::<MatchedPath>();
        let policy = app.policies().find(route, &parts.method);
        if key.is_none() && policy.is_some_and(|policy| policy.idempotency.requires_key()) {
            return Err(ProblemDetails::idempotency_key_required());
        }
        let (body, bytes) = B::from_body(&parts.headers, body).await?;
        let once = Once(key.map(|key| KeyedRequest::new(&parts, key, &bytes)));
        Ok(Self(body, once))
    }
}

/// The body of a change.
pub(crate) trait Body: Sized {
    /// Reads the body, and returns its bytes with it.
    fn from_body(
        headers: &HeaderMap,
        body: axum::body::Body,
    ) -> impl Future<Output = Result<(Self, Bytes), ProblemDetails>> + Send;
}

/// A body that must be there.
impl<T: DeserializeOwned + Validate + PartialSchema + Send> Body for JsonBody<T> {
    async fn from_body(
        headers: &HeaderMap,
        body: axum::body::Body,
    ) -> Result<(Self, Bytes), ProblemDetails> {
        require_json(headers)?;
        let bytes = read(body).await?;
        Ok((Self(parse(&bytes)?), bytes))
    }
}

/// A body that may be left out where all of its fields may be.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Validate + PartialSchema + Default + Send> Body for OptionalBody<T> {
    async fn from_body(
        headers: &HeaderMap,
        body: axum::body::Body,
    ) -> Result<(Self, Bytes), ProblemDetails> {
        let bytes = read(body).await?;
        if bytes.is_empty() {
            return Ok((Self(T::default()), bytes));
        }
        require_json(headers)?;
        Ok((Self(parse(&bytes)?), bytes))
    }
}

/// No body: the path says it all.
#[derive(Debug)]
pub(crate) struct NoBody;

impl Body for NoBody {
    async fn from_body(
        _: &HeaderMap,
        _: axum::body::Body,
    ) -> Result<(Self, Bytes), ProblemDetails> {
        Ok((Self, Bytes::new()))
    }
}

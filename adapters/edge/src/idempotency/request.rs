//! What is remembered of a request with a key.

use axum::extract::MatchedPath;
use axum::http::request::Parts;

use super::fingerprint;
use crate::request_id::RequestId;

/// A request that has a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    pub key: String,
    /// Method and route.
    pub operation: String,
    pub fingerprint: u128,
    pub request_id: String,
}

impl KeyedRequest {
    /// `body` is JSON that has been read before, or empty.
    #[must_use]
    pub fn new(parts: &Parts, key: String, body: &[u8]) -> Self {
        let (method, path) = (&parts.method, parts.uri.path());
        let route = parts.extensions.get::<MatchedPath>();
        let route = route.map_or(path, MatchedPath::as_str);
        let request_id = parts.extensions.get::<RequestId>();
        Self {
            key,
            operation: format!("{method} {route}"),
            fingerprint: fingerprint(method, path, body),
            request_id: request_id.map_or_else(String::new, |id| id.text().to_owned()),
        }
    }
}

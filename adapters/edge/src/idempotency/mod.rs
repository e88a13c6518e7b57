//! Requests that can be sent again: their key, and the fingerprint that tells one request from another under the same key.

mod fingerprint;
mod key;
mod parse;
mod request;

pub use fingerprint::fingerprint;
pub use key::{HEADER, InvalidKey, read_key};
pub use parse::parse_key;
pub use request::KeyedRequest;

use axum::http::HeaderName;

/// Marks an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

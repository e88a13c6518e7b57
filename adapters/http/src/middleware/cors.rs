//! Calls from web pages of other origins.

use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use p2p_edge::request_id::X_REQUEST_ID;

use crate::limits;
use crate::settings::CorsOrigins;

/// The layer for these origins; `None` where no other origin may call.
pub(crate) fn cors(origins: &CorsOrigins) -> Option<CorsLayer> {
    let origins = match origins {
        CorsOrigins::None => return None,
        CorsOrigins::Any => AllowOrigin::any(),
        CorsOrigins::Only(origins) => AllowOrigin::list(origins.iter().cloned()),
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("prefer"),
            X_REQUEST_ID,
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            limits::POLICY,
            limits::STATE,
            HeaderName::from_static("idempotency-replayed"),
            HeaderName::from_static("preference-applied"),
            X_REQUEST_ID,
        ])
        .max_age(Duration::from_secs(600));
    Some(layer)
}

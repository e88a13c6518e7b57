//! What every answer tells browsers: that there is nothing in it to run, to frame, to guess at or to keep.

use axum::extract::MatchedPath;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const ALWAYS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Of pages that embed an answer; those that ask by CORS are let in by it, or not.
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// These mean something to pages only.
const ON_PAGES: [(HeaderName, &str); 3] = [
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Answers of the API are data.
const DATA: &str = "default-src 'none'; frame-ancestors 'none'";

/// Swagger UI: scripts are its own files. It styles its elements in place, has its icons in its style sheet, and calls this API.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of every answer.
#[derive(Debug)]
pub(crate) struct Shield {
    hsts: Option<HeaderValue>,
}

impl Shield {
    /// `hsts_seconds`: see [`HttpSettings`](crate::HttpSettings).
    pub(crate) fn new(hsts_seconds: u64) -> Self {
        let value = HeaderValue::try_from(format!("max-age={hsts_seconds}"));
        Self {
            hsts: value.ok().filter(|_| hsts_seconds > 0),
        }
    }

    /// Writes them to an answer of this route.
    pub(super) fn cover(&self, headers: &mut HeaderMap, route: Option<&MatchedPath>) {
        let mut insert = |name, value| headers.insert(name, HeaderValue::from_static(value));
        for (name, value) in ALWAYS {
            insert(name, value);
        }
        if route.is_some_and(|route| route.as_str().starts_with("/swagger-ui")) {
            insert(header::CONTENT_SECURITY_POLICY, PAGE);
            for (name, value) in ON_PAGES {
                insert(name, value);
            }
        } else {
            insert(header::CONTENT_SECURITY_POLICY, DATA);
            insert(header::CACHE_CONTROL, "no-store");
        }
        if let Some(hsts) = &self.hsts {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
    }
}

//! The headers that tell browsers that an answer is not to be run, framed, guessed at or stored.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const ALWAYS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // For pages that embed an answer. Whether a page may fetch it is decided by CORS.
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

/// For answers that are data.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// For Swagger UI: its scripts are files of its own, it styles elements in place, has icons in its style sheet, and calls this
/// API.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The security headers of every answer.
#[derive(Debug)]
pub struct SecurityHeaders {
    hsts: Option<HeaderValue>,
}

impl SecurityHeaders {
    /// `hsts_seconds`: how long browsers are to call this host over TLS only; 0 leaves the header out.
    #[must_use]
    pub fn new(hsts_seconds: u64) -> Self {
        let value = HeaderValue::try_from(format!("max-age={hsts_seconds}"));
        Self {
            hsts: value.ok().filter(|_| hsts_seconds > 0),
        }
    }

    /// Writes them to an answer, which is a page of the documentation or data.
    pub fn write(&self, headers: &mut HeaderMap, is_page: bool) {
        let mut insert = |name, value| headers.insert(name, HeaderValue::from_static(value));
        for (name, value) in ALWAYS {
            insert(name, value);
        }
        if is_page {
            insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
            for (name, value) in ON_PAGES {
                insert(name, value);
            }
        } else {
            insert(header::CONTENT_SECURITY_POLICY, DATA_POLICY);
            insert(header::CACHE_CONTROL, "no-store");
        }
        if let Some(hsts) = &self.hsts {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
    }
}

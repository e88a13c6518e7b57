//! `Prefer: wait=N` (RFC 7240): how long a client would rather wait.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use tokio::time::Instant;

use crate::app::App;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// What is left of a request's time for everything else.
const RESERVED_TIME: Duration = Duration::from_secs(1);

/// Until when the client waits, as far as the request's time allows: counted from its beginning. A preference that can't be
/// read is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait(pub(super) Option<Instant>);

impl FromRequestParts<App> for Wait {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let most = app.settings().request_timeout.saturating_sub(RESERVED_TIME);
        let wait = wanted(&parts.headers).map(|wait| wait.min(MAX_WAIT).min(most));
        let wait = wait.filter(|wait| !wait.is_zero());
        Ok(Self(wait.map(|wait| Instant::now() + wait)))
    }
}

/// The first `wait` counts, whatever it is.
fn wanted(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(PREFER).iter();
    let mut preferences = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    match preferences.find_map(wait)? {
        WaitValue::For(wait) => Some(wait),
        WaitValue::Malformed => None,
    }
}

/// The value of the preference `wait`.
enum WaitValue {
    For(Duration),
    Malformed,
}

/// `None`: it is another preference.
fn wait(preference: &str) -> Option<WaitValue> {
    // What comes behind a semicolon are parameters; `wait` has none.
    let preference = preference.split(';').next().unwrap_or_default();
    let (name, value) = match preference.split_once('=') {
        Some((name, value)) => (name, value.trim()),
        None => (preference, ""),
    };
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    let quoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let seconds: Result<u64, _> = quoted.unwrap_or(value).parse();
    Some(seconds.map_or(WaitValue::Malformed, |seconds| {
        WaitValue::For(Duration::from_secs(seconds))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn seconds(values: &[&'static str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, HeaderValue::from_static(value));
        }
        wanted(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_first_wait_counts() {
        assert_eq!(seconds(&["wait=10"]), Some(10));
        assert_eq!(seconds(&["respond-async, Wait = \"7\" ; x=1"]), Some(7));
        assert_eq!(seconds(&["handling=lenient", "wait=3, wait=5"]), Some(3));
        for none in ["", "wait", "wait=", "wait=soon", "wait=-1", "waiting=5"] {
            assert_eq!(seconds(&[none]), None, "{none}");
        }
        assert_eq!(seconds(&["wait=soon, wait=5"]), None);
        assert_eq!(seconds(&[]), None);
    }
}

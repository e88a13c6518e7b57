//! The name of a call: the caller's own, or a fresh one.

use p2p_application::ports::Ids;
use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue};

/// What carries it, both ways.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Takes what the caller sent if it is harmless in a log, and makes one otherwise.
pub(super) fn of(headers: &HeaderMap<HeaderValue>, ids: &dyn Ids) -> HeaderValue {
    headers
        .get(X_REQUEST_ID)
        .filter(|value| is_harmless(value.as_bytes()))
        .cloned()
        .unwrap_or_else(|| {
            HeaderValue::try_from(format!("{:032x}", ids.next()))
                .unwrap_or_else(|_| HeaderValue::from_static("-"))
        })
}

/// Such ids are plain ASCII.
pub(super) fn text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or("-")
}

fn is_harmless(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&id.len()) && id.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::is_harmless;

    #[test]
    fn what_could_do_harm_in_a_log_is_not_taken() {
        assert!(is_harmless(b"Order-7_b"));
        let long = "x".repeat(65);
        for bad in ["", "a b", "a\"b", "a\nb", &long] {
            assert!(!is_harmless(bad.as_bytes()), "{bad}");
        }
    }
}

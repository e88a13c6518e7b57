//! The name of a request: the caller's own, or a fresh one.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use p2p_application::ports::Ids;

/// The header that carries it, both ways.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The name of a request, for whoever writes an answer down that is kept.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(super) HeaderValue);

impl RequestId {
    pub(crate) fn text(&self) -> &str {
        text(&self.0)
    }
}

/// Takes what the caller sent if it is harmless in a log, and makes one otherwise.
pub(super) fn of(headers: &HeaderMap, ids: &dyn Ids) -> HeaderValue {
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
    use super::*;

    struct Fixed;

    impl Ids for Fixed {
        fn next(&self) -> u128 {
            0xab
        }
    }

    fn id(sent: Option<&'static str>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(sent) = sent {
            headers.insert(X_REQUEST_ID, HeaderValue::from_static(sent));
        }
        text(&of(&headers, &Fixed)).to_owned()
    }

    #[test]
    fn a_harmless_id_is_kept_and_another_is_replaced() {
        let fresh = "000000000000000000000000000000ab";
        assert_eq!(id(Some("Order-7_b")), "Order-7_b");
        for bad in [
            None,
            Some(""),
            Some("a b"),
            Some("a\"b"),
            Some("0123456789012345678901234567890123456789012345678901234567890123x"),
        ] {
            assert_eq!(id(bad), fresh, "{bad:?}");
        }
    }
}

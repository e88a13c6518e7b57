//! The id of a request: the caller's own, or a fresh one.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request; in the request's extensions.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Takes what the caller sent if it is harmless in a log, and makes one of `fresh` otherwise.
    pub fn of(headers: &HeaderMap, fresh: impl FnOnce() -> u128) -> Self {
        let sent = headers
            .get(X_REQUEST_ID)
            .filter(|value| is_harmless(value.as_bytes()));
        Self(sent.cloned().unwrap_or_else(|| {
            HeaderValue::try_from(format!("{:032x}", fresh()))
                .unwrap_or_else(|_| HeaderValue::from_static("-"))
        }))
    }

    /// Ids are plain ASCII.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.to_str().unwrap_or("-")
    }

    /// As the header's value.
    #[must_use]
    pub fn into_header(self) -> HeaderValue {
        self.0
    }
}

fn is_harmless(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&id.len()) && id.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(sent: Option<&[u8]>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(sent) = sent {
            headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(sent).unwrap());
        }
        RequestId::of(&headers, || 0xab).text().to_owned()
    }

    #[test]
    fn a_harmless_id_is_kept_and_another_is_replaced() {
        let fresh = "000000000000000000000000000000ab";
        assert_eq!(id(Some(b"Order-7_b")), "Order-7_b");
        let long = [b'x'; 65];
        for bad in [
            None,
            Some(&b""[..]),
            Some(b"a b"),
            Some(b"a\"b"),
            Some(b"\xc3\xa9"),
            Some(&long),
        ] {
            assert_eq!(id(bad), fresh, "{bad:?}");
        }
    }
}

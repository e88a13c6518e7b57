//! Reading the header `Idempotency-Key`.

use axum::http::{HeaderMap, HeaderName};

use super::parse_key;

/// The header as clients write it.
pub const HEADER: &str = "Idempotency-Key";

const NAME: HeaderName = HeaderName::from_static("idempotency-key");

/// The header comes more than once, or its text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidKey;

/// The key of a request, if it has one.
pub fn read_key(headers: &HeaderMap) -> Result<Option<String>, InvalidKey> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(parse_key);
    key.map(Some).ok_or(InvalidKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn one_request_has_one_key() {
        let mut headers = HeaderMap::new();
        assert_eq!(read_key(&headers), Ok(None));
        headers.append(NAME, HeaderValue::from_static("a"));
        assert_eq!(read_key(&headers), Ok(Some("a".to_owned())));
        headers.append(NAME, HeaderValue::from_static("a"));
        assert_eq!(read_key(&headers), Err(InvalidKey));
    }
}

//! Reading the header `Idempotency-Key`.

use axum::http::{HeaderMap, HeaderName};
use p2p_application::idempotency::parse_key;

use crate::problem::Problem;

/// The header as clients write it.
pub(crate) const HEADER: &str = "Idempotency-Key";

const NAME: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of a request, if it has one.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(parse_key);
    key.map(Some).ok_or_else(Problem::bad_idempotency_key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn one_request_has_one_key() {
        let mut headers = HeaderMap::new();
        assert_eq!(read(&headers).unwrap(), None);
        headers.append(NAME, HeaderValue::from_static("a"));
        assert_eq!(read(&headers).unwrap().as_deref(), Some("a"));
        headers.append(NAME, HeaderValue::from_static("a"));
        assert_eq!(
            read(&headers).unwrap_err().code(),
            "IDEMPOTENCY_KEY_INVALID"
        );
    }
}

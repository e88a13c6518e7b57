//! Which web pages may open a WebSocket. Browsers let any page try and only say where it comes from.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::settings::CorsOrigins;

/// Whether a request with these headers comes from no page, from one of our own, or from one that is allowed.
pub(super) fn is_allowed(headers: &HeaderMap, allowed: &CorsOrigins) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    if origins.next().is_some() {
        return false;
    }
    is_own(origin, headers.get(header::HOST))
        || match allowed {
            CorsOrigins::None => false,
            CorsOrigins::Any => true,
            CorsOrigins::Only(origins) => origins.contains(origin),
        }
}

/// Whether the page comes from the host that is called.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let text = |value: &HeaderValue| value.to_str().map(str::to_ascii_lowercase).ok();
    let (Some(origin), Some(host)) = (text(origin), host.and_then(text)) else {
        return false;
    };
    let called = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    called == Some(host.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: Option<&'static str>, allowed: &CorsOrigins) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::HOST,
            HeaderValue::from_static("market.example:8443"),
        );
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        is_allowed(&headers, allowed)
    }

    #[test]
    fn only_our_own_pages_and_those_that_are_named() {
        let some = CorsOrigins::parse(&["https://app.example.com"]).unwrap();
        for settings in [&CorsOrigins::None, &some] {
            assert!(allowed(None, settings), "no browser");
            assert!(allowed(Some("https://market.example:8443"), settings));
            assert!(allowed(Some("https://Market.example:8443"), settings));
            for bad in [
                "null",
                "",
                "https://market.example",
                "https://market.example:8443.evil.example",
                "https://evil.example",
                "market.example:8443",
            ] {
                assert!(!allowed(Some(bad), settings), "{bad}");
            }
        }
        assert!(allowed(Some("https://app.example.com"), &some));
        assert!(!allowed(Some("http://app.example.com"), &some));
        assert!(allowed(Some("https://evil.example"), &CorsOrigins::Any));
    }
}

//! Reading the header `Idempotency-Key`.

use axum::http::{HeaderMap, HeaderName};

use crate::problem::Problem;

/// The header as clients write it.
pub(crate) const HEADER: &str = "Idempotency-Key";

const NAME: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in characters.
const LONGEST: usize = 128;

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
        .and_then(parse);
    key.map(Some).ok_or_else(Problem::bad_idempotency_key)
}

/// A key as it is, or as a string of RFC 8941: both spell the same key.
fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => unquoted(rest.strip_suffix('"')?)?,
        None => text.to_owned(),
    };
    let fits = (1..=LONGEST).contains(&key.len());
    (fits && key.bytes().all(|byte| byte.is_ascii_graphic())).then_some(key)
}

/// Between the quotes there are no others, but for escaped ones.
fn unquoted(inner: &str) -> Option<String> {
    let mut key = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        key.push(match letter {
            '"' => return None,
            '\\' => letters
                .next()
                .filter(|escaped| matches!(escaped, '"' | '\\'))?,
            plain => plain,
        });
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn quotes_make_no_difference() {
        for (text, key) in [
            ("order-1", "order-1"),
            ("\"order-1\"", "order-1"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (
                "8e03978e-40d5-43dd-bc93-6894a57f9324",
                "8e03978e-40d5-43dd-bc93-6894a57f9324",
            ),
            ("!~", "!~"),
            (&"x".repeat(128), &"x".repeat(128)),
        ] {
            assert_eq!(parse(text).as_deref(), Some(key), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_key() {
        for text in [
            "",
            " ",
            "\"\"",
            "\"",
            "\"open",
            "a b",
            "\"a b\"",
            "\"a\"b\"",
            r#""a\b""#,
            r#""a\""#,
            "\"a\";b=1",
            "ключ",
            &"x".repeat(129),
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

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

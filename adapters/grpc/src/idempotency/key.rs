//! Reading an idempotency key: the same texts are keys as over REST.

use tonic::metadata::MetadataMap;

use crate::fault::Fault;

const NAME: &str = "idempotency-key";

/// The longest key, in characters.
const LONGEST: usize = 128;

/// The key of a call, if it has one.
pub(super) fn read(metadata: &MetadataMap) -> Result<Option<String>, Fault> {
    let mut values = metadata.get_all(NAME).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(parse);
    key.map(Some).ok_or_else(Fault::bad_idempotency_key)
}

/// A key as it is, or as a string of RFC 8941: both spell the same key.
pub(crate) fn parse(text: &str) -> Option<String> {
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

    #[test]
    fn quotes_make_no_difference() {
        for (text, key) in [
            ("order-1", "order-1"),
            ("\"order-1\"", "order-1"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (&"x".repeat(128), &"x".repeat(128)),
        ] {
            assert_eq!(parse(text).as_deref(), Some(key), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_key() {
        let long = "x".repeat(129);
        for text in [
            "", " ", "\"\"", "\"", "\"open", "a b", "\"a\"b\"", "ключ", &long,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn one_call_has_one_key() {
        let mut metadata = MetadataMap::new();
        assert_eq!(read(&metadata).unwrap(), None);
        metadata.append(NAME, "a".parse().unwrap());
        assert_eq!(read(&metadata).unwrap().as_deref(), Some("a"));
        metadata.append(NAME, "a".parse().unwrap());
        assert!(read(&metadata).is_err());
    }
}

//! The syntax of idempotency keys, whatever the transport.

const MAX_CHARACTERS: usize = 128;

/// A key as it is, or as a string of RFC 8941: both spell the same key.
#[must_use]
pub fn parse_key(text: &str) -> Option<String> {
    let text = text.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => unquoted(rest.strip_suffix('"')?)?,
        None => text.to_owned(),
    };
    let fits = (1..=MAX_CHARACTERS).contains(&key.len());
    (fits && key.bytes().all(|byte| byte.is_ascii_graphic())).then_some(key)
}

/// Between the quotes only escaped ones are allowed.
fn unquoted(inner: &str) -> Option<String> {
    let mut key = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(template) = letters.next() {
        key.push(match template {
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
    use proptest::prelude::*;

    use super::parse_key as parse;

    proptest! {
        /// A key that is read is valid, and reads the same in both spellings.
        #[test]
        fn a_key_has_two_spellings_and_one_meaning(text in prop_oneof!["\\PC{0,140}", "\"?[!-~]{0,140}\"?", "[ -~\\x00-\\x1f]{0,20}"]) {
            let Some(key) = parse(&text) else {
                return Ok(());
            };
            prop_assert!((1..=128).contains(&key.len()), "{:?}", key);
            prop_assert!(key.bytes().all(|byte| byte.is_ascii_graphic()), "{:?}", key);
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(parse(&quoted), Some(key.clone()));
            if !key.starts_with('"') {
                prop_assert_eq!(parse(&key), Some(key));
            }
        }
    }

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
    fn other_texts_are_no_keys() {
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
}

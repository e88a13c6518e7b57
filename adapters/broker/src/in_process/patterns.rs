//! Patterns of a topic exchange: words between dots, `*` for any one word, `#` for any number of them.

/// Whether one of the patterns matches.
pub(super) fn any_matches(patterns: &[&str], key: &str) -> bool {
    let key: Vec<&str> = key.split('.').collect();
    patterns.iter().any(|pattern| {
        let pattern: Vec<&str> = pattern.split('.').collect();
        matches(&pattern, &key)
    })
}

fn matches(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern, key) {
        ([], rest) => rest.is_empty(),
        (["#", more @ ..], rest) => {
            (0..=rest.len()).any(|skipped| matches(more, rest.get(skipped..).unwrap_or_default()))
        }
        (["*", more @ ..], [_, rest @ ..]) => matches(more, rest),
        ([word, more @ ..], [first, rest @ ..]) => word == first && matches(more, rest),
        (_, []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_topic_exchange_does() {
        for (pattern, key, expected) in [
            ("#", "OfferCreated", true),
            ("#", "a.b.c", true),
            ("*", "a", true),
            ("*", "a.b", false),
            ("a", "a", true),
            ("a", "b", false),
            ("a", "a.b", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.#", "a", true),
            ("a.#", "a.b.c", true),
            ("#.c", "a.b.c", true),
            ("#.c", "a.b", false),
            ("*.b.#", "a.b", true),
            ("a.#.c", "a.c", true),
            ("a.#.c", "a.b.b.c", true),
            ("a.#.c", "a.b.b", false),
        ] {
            assert_eq!(any_matches(&[pattern], key), expected, "{pattern} {key}");
        }
        assert!(any_matches(&["x", "a"], "a"));
        assert!(!any_matches(&[], "a"));
    }
}

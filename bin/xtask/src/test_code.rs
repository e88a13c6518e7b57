//! Which tokens of a file are compiled for tests only.

use std::ops::Range;

use crate::lexer::{Kind, Token};

/// The items under `#[cfg(test)]`, as ranges of tokens without comments, in order.
pub(crate) fn items(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let mut items = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let inner = is(tokens, at + 1, "!");
        if !is(tokens, at, "#") || !is_cfg_test(tokens, at + 1 + usize::from(inner)) {
            at += 1;
        } else if inner {
            items.push(at..tokens.len());
            break;
        } else {
            let end = item_end(tokens, at);
            items.push(at..end);
            at = end;
        }
    }
    items
}

/// The bracket that closes the one at this place.
pub(crate) fn group_end(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if opens(token) {
            depth += 1;
        } else if closes(token) {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len()
}

pub(crate) fn is(tokens: &[Token<'_>], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.is(text))
}

fn opens(token: &Token<'_>) -> bool {
    token.kind == Kind::Punct && matches!(token.text, "(" | "[" | "{")
}

fn closes(token: &Token<'_>) -> bool {
    token.kind == Kind::Punct && matches!(token.text, ")" | "]" | "}")
}

/// Whether the brackets of an attribute hold `cfg(test)` or `cfg(all(test, …))`.
fn is_cfg_test(tokens: &[Token<'_>], at: usize) -> bool {
    let starts = |expected: &[&str]| {
        let mut expected = expected.iter().enumerate();
        expected.all(|(index, text)| is(tokens, at + index, text))
    };
    starts(&["[", "cfg", "(", "test", ")", "]"]) || starts(&["[", "cfg", "(", "all", "(", "test"])
}

/// Behind the item, field or variant whose attributes begin here.
fn item_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    while is(tokens, at, "#") {
        at = group_end(tokens, at + 1) + 1;
    }
    if is(tokens, at, "pub") {
        at += 1;
        if is(tokens, at, "(") {
            at = group_end(tokens, at) + 1;
        }
    }
    let any_of = |at: usize, words: &[&str]| words.iter().any(|word| is(tokens, at, word));
    let function = ["fn", "async", "unsafe", "extern"];
    let ends_in_block = any_of(at, &function)
        || any_of(
            at,
            &[
                "mod",
                "impl",
                "struct",
                "enum",
                "trait",
                "union",
                "macro_rules",
            ],
        )
        || is(tokens, at, "const") && any_of(at + 1, &function);
    let ends_in_semicolon =
        !ends_in_block && any_of(at, &["use", "const", "static", "type", "let"]);
    while let Some(token) = tokens.get(at) {
        if closes(token) {
            return at;
        }
        let is_block = token.is("{");
        at = if opens(token) {
            group_end(tokens, at)
        } else {
            at
        } + 1;
        let is_part = !ends_in_block && !ends_in_semicolon;
        if token.is(";") || token.is(",") && is_part || is_block && ends_in_block {
            return at;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer;

    /// What is left without test code.
    fn rest(source: &str) -> String {
        let tokens = lexer::tokens(source);
        let items = items(&tokens);
        let kept = tokens.iter().enumerate();
        let kept = kept.filter(|(at, _)| !items.iter().any(|item| item.contains(at)));
        kept.map(|(_, token)| token.text).collect()
    }

    #[test]
    fn test_code_ends_where_its_item_ends() {
        for (item, left) in [
            ("mod tests { fn f() {} }", ""),
            ("mod tests;", ""),
            ("pub(crate) use a::{b, c};", ""),
            ("const A: [u8; 2] = [1, 2];", ""),
            ("static A: S = S { a: 1 };", ""),
            ("pub const fn f() -> u8 { 1 }", ""),
            ("#[derive(A)] struct A { b: u8 }", ""),
            ("struct A(u8);", ""),
            ("a: u8,", ""),
            ("A => { 1 }, ", ""),
            ("let a = B { c };", ""),
        ] {
            let source = format!("x; #[cfg(test)] {item} y;");
            assert_eq!(rest(&source), format!("x;{left}y;"), "{item}");
        }
        assert_eq!(rest("enum A { B, #[cfg(test)] C } d"), "enumA{B,}d");
        assert_eq!(rest("a; #![cfg(test)] b; c;"), "a;");
        assert_eq!(rest("#[cfg(all(test, unix))] mod a {} b"), "b");
        assert_eq!(
            rest("#[cfg(not(test))] a; #[cfg(unix)] b;"),
            "#[cfg(not(test))]a;#[cfg(unix)]b;"
        );
    }
}

//! Rust source as tokens with their lines: enough to follow paths, attributes and braces, in a few milliseconds a file.

/// A token of Rust, or a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Also a keyword; `r#` is left out.
    Ident,
    /// One character.
    Punct,
    /// A string of any kind; the text is what stands between the quotes.
    Text,
    Comment,
    /// A number, a character or a lifetime.
    Other,
}

impl Token<'_> {
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Ident | Kind::Punct) && self.text == text
    }
}

/// Reads a whole file. Invalid Rust gives odd tokens, not an error.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        source,
        at: 0,
        line: 1,
    };
    let mut tokens = Vec::with_capacity(source.len() / 4);
    while let Some(token) = lexer.token() {
        tokens.push(token);
    }
    tokens
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn token(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let (start, line) = (self.at, self.line);
        let (kind, text) = match self.peek(0)? {
            b'/' if self.peek(1) == Some(b'/') => {
                let rest = self.source.get(start..).unwrap_or_default();
                self.at += rest.find('\n').unwrap_or(rest.len());
                (Kind::Comment, start..self.at)
            }
            b'/' if self.peek(1) == Some(b'*') => {
                self.block_comment();
                (Kind::Comment, start..self.at)
            }
            b'"' => (Kind::Text, self.string()),
            b'\'' => {
                self.quote();
                (Kind::Other, start..self.at)
            }
            b'0'..=b'9' => {
                self.number();
                (Kind::Other, start..self.at)
            }
            first if is_word(first) => self.word(start),
            _ => {
                self.advance(1);
                (Kind::Punct, start..self.at)
            }
        };
        let text = self.source.get(text).unwrap_or_default();
        Some(Token { kind, text, line })
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.source.as_bytes().get(self.at + ahead).copied()
    }

    fn advance(&mut self, bytes: usize) {
        for _ in 0..bytes {
            if self.peek(0) == Some(b'\n') {
                self.line += 1;
            }
            self.at += 1;
        }
        self.at = self.at.min(self.source.len());
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                _ => return,
            }
            self.at += 1;
        }
    }

    fn skip_word(&mut self) {
        let bytes = self.source.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !is_word(byte) {
                return;
            }
            self.at += 1;
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'*')) => depth += 1,
                (b'*', Some(b'/')) => depth -= 1,
                _ => {
                    self.advance(1);
                    continue;
                }
            }
            self.advance(2);
            if depth == 0 {
                return;
            }
        }
    }

    /// From the opening quote to behind the closing one.
    fn string(&mut self) -> std::ops::Range<usize> {
        self.advance(1);
        let start = self.at;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => break,
                b'\\' => self.advance(2),
                _ => self.advance(1),
            }
        }
        let end = self.at;
        self.advance(1);
        start..end
    }

    /// The same of `"…"#` after so many `#`.
    fn raw_string(&mut self, hashes: usize) -> std::ops::Range<usize> {
        self.advance(1);
        let start = self.at;
        let closing = format!("\"{}", "#".repeat(hashes));
        let rest = self.source.get(start..).unwrap_or_default();
        let length = rest.find(&closing).unwrap_or(rest.len());
        self.advance(length + closing.len());
        start..start + length
    }

    /// A character or a lifetime.
    fn quote(&mut self) {
        self.advance(1);
        if self.peek(0) == Some(b'\\') {
            self.advance(2);
            while self.peek(0).is_some_and(|byte| byte != b'\'') {
                self.advance(1);
            }
            self.advance(1);
            return;
        }
        let rest = self.source.get(self.at..).unwrap_or_default();
        let width = rest.chars().next().map_or(0, char::len_utf8);
        if self.peek(width) == Some(b'\'') {
            self.advance(width + 1);
        } else {
            self.skip_word();
        }
    }

    fn number(&mut self) {
        self.skip_word();
        if self.peek(0) == Some(b'.') && self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) {
            self.advance(1);
            self.skip_word();
        }
    }

    /// An identifier, or the prefix of a literal together with it.
    fn word(&mut self, start: usize) -> (Kind, std::ops::Range<usize>) {
        self.skip_word();
        let word = self.source.get(start..self.at).unwrap_or_default();
        let prefix = matches!(word, "r" | "b" | "c" | "br" | "cr");
        if prefix && self.peek(0) == Some(b'"') {
            let raw = word.ends_with('r');
            let text = if raw {
                self.raw_string(0)
            } else {
                self.string()
            };
            return (Kind::Text, text);
        }
        if word == "b" && self.peek(0) == Some(b'\'') {
            self.quote();
            return (Kind::Other, start..self.at);
        }
        if prefix && self.peek(0) == Some(b'#') {
            let hashes = (0..).take_while(|&ahead| self.peek(ahead) == Some(b'#'));
            let hashes = hashes.count();
            if self.peek(hashes) == Some(b'"') {
                self.advance(hashes);
                return (Kind::Text, self.raw_string(hashes));
            }
            if word == "r" && self.peek(1).is_some_and(is_word) {
                self.advance(1);
                let start = self.at;
                self.skip_word();
                return (Kind::Ident, start..self.at);
            }
        }
        (Kind::Ident, start..self.at)
    }
}

fn is_word(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Vec<(Kind, &str)> {
        let tokens = tokens(source).into_iter();
        tokens.map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn literals_are_told_from_code() {
        use Kind::{Comment, Ident, Other, Punct, Text};
        for (source, expected) in [
            ("a_b", vec![(Ident, "a_b")]),
            ("r#type", vec![(Ident, "type")]),
            (r#""a\"b""#, vec![(Text, r#"a\"b"#)]),
            (r##"r#"a"b"#"##, vec![(Text, "a\"b")]),
            (r#"br"\""#, vec![(Text, "\\")]),
            ("b\"x\"", vec![(Text, "x")]),
            ("'\"'", vec![(Other, "'\"'")]),
            ("b'{'", vec![(Other, "b'{'")]),
            (r"'\''", vec![(Other, r"'\''")]),
            (r"'\u{7d}'", vec![(Other, r"'\u{7d}'")]),
            ("'é'", vec![(Other, "'é'")]),
            ("'a>", vec![(Other, "'a"), (Punct, ">")]),
            ("1.5e3", vec![(Other, "1.5e3")]),
            (
                "0..9",
                vec![(Other, "0"), (Punct, "."), (Punct, "."), (Other, "9")],
            ),
            (
                "/* a /* b */ c */d",
                vec![(Comment, "/* a /* b */ c */"), (Ident, "d")],
            ),
            ("// \"a\nb", vec![(Comment, "// \"a"), (Ident, "b")]),
        ] {
            assert_eq!(read(source), expected, "{source}");
        }
    }

    #[test]
    fn lines_are_counted_within_literals() {
        let last = |source| tokens(source).last().map(|token| token.line);
        assert_eq!(last("\"a\nb\" x"), Some(2));
        assert_eq!(last("r\"\n\n\"\n x"), Some(4));
        assert_eq!(last("/*\n*/ x"), Some(2));
        assert_eq!(last("\"a\\\nb\" x"), Some(2));
    }

    #[test]
    fn an_unfinished_token_ends_with_the_file() {
        for source in ["\"a", "r#\"a\"", "/* a", "'", "'\\", "\"\\"] {
            assert_eq!(tokens(source).len(), 1, "{source}");
        }
    }
}

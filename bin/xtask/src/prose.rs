//! Which parts of a file are prose and which are code: comments, strings and Markdown text on one side, names on the other.

use crate::lexer::{self, Kind};

/// The prose and the names of a file.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    /// Identifiers with their lines, in code only.
    pub(crate) names: Vec<(usize, &'a str)>,
    pub(crate) prose: Vec<Prose>,
}

/// A comment, a string or a paragraph. `\n` ends a line of the file; `\r` ends a paragraph, a list item or a table cell.
#[derive(Debug)]
pub(crate) struct Prose {
    text: String,
    line: usize,
}

/// A sentence with what ends it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sentence<'a> {
    pub(crate) line: usize,
    pub(crate) text: &'a str,
    pub(crate) is_question: bool,
}

/// Reads a file by its extension.
pub(crate) fn parts<'a>(path: &str, text: &'a str) -> Parts<'a> {
    let mut parts = Parts::default();
    match path.rsplit('.').next() {
        Some("rs" | "proto") => parts.rust(text),
        Some("md") => parts.markdown(text),
        Some("sql") => parts.lines(text, "--"),
        Some("json") => parts.json(text),
        _ => parts.lines(text, "#"),
    }
    parts
}

impl<'a> Parts<'a> {
    fn rust(&mut self, text: &'a str) {
        let mut code_line = 0;
        let mut comment_line = 0;
        for token in lexer::tokens(text) {
            if token.kind != Kind::Comment {
                code_line = token.line;
            }
            match token.kind {
                Kind::Ident => self.names.push((token.line, token.text)),
                Kind::Text => self.prose.push(Prose {
                    text: unescaped(token.text),
                    line: token.line,
                }),
                Kind::Comment => {
                    let content = token.text.trim_start_matches(['/', '!', '*']);
                    let follows = comment_line + 1 == token.line && code_line < comment_line;
                    self.comment(content, token.line, follows);
                    comment_line = token.line;
                }
                Kind::Punct | Kind::Other => {}
            }
        }
    }

    fn markdown(&mut self, text: &'a str) {
        let mut fenced = false;
        let mut follows = false;
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if fenced {
                let (code, comment) = split_comment(line, "# ");
                self.names(code, number);
                if let Some(comment) = comment {
                    self.comment(comment, number, false);
                }
            } else {
                self.comment(line, number, follows);
                follows = true;
                continue;
            }
            follows = false;
        }
    }

    /// A language in which a comment goes from a marker to the end of its line.
    fn lines(&mut self, text: &'a str, marker: &str) {
        let mut follows = false;
        for (number, line) in (1..).zip(text.lines()) {
            let (code, comment) = split_comment(line, marker);
            let is_code = !code.trim().is_empty();
            if is_code {
                self.names(code, number);
                self.comment(code, number, false);
            }
            if let Some(comment) = comment {
                self.comment(comment, number, follows && !is_code);
            }
            follows = comment.is_some() && !is_code;
        }
    }

    fn json(&mut self, text: &str) {
        for (line, text) in (1..).zip(text.lines()) {
            let text = unescaped(text);
            self.prose.push(Prose { text, line });
        }
    }

    fn names(&mut self, code: &'a str, line: usize) {
        let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        let words = words.filter(|word| !word.is_empty());
        self.names.extend(words.map(|word| (line, word)));
    }

    /// A line of a comment or of Markdown, which may continue the one before.
    fn comment(&mut self, content: &str, line: usize, follows: bool) {
        let content = content.trim_start();
        match self.prose.last_mut() {
            Some(before) if follows => {
                before.text.push('\n');
                if content.is_empty() || begins_item(content) {
                    before.text.push('\r');
                }
                before.push(content);
            }
            _ => {
                let text = String::with_capacity(content.len());
                let mut prose = Prose { text, line };
                prose.push(content);
                self.prose.push(prose);
            }
        }
    }
}

impl Prose {
    fn push(&mut self, content: &str) {
        if content.starts_with('|') {
            self.text.push_str(&content.replace('|', "\r"));
        } else {
            self.text.push_str(content);
            if content.starts_with('#') {
                self.text.push('\r');
            }
        }
    }

    /// What stands between backticks, with its line.
    pub(crate) fn code_spans(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut line = self.line;
        self.text
            .split('`')
            .enumerate()
            .filter_map(move |(index, text)| {
                let first = line;
                line += newlines(text);
                (index % 2 == 1).then_some((first, text))
            })
    }

    /// All words with their lines, in order, and whether each follows the one before after nothing but space.
    pub(crate) fn words(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        let mut line = self.line;
        let mut adjacent = false;
        let separate = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-');
        self.text.split_inclusive(separate).filter_map(move |part| {
            let word = part.trim_end_matches(separate);
            let found = (!word.is_empty()).then_some((line, word, adjacent));
            let gap = part.get(word.len()..).unwrap_or_default();
            let space = gap.chars().all(|c| c == ' ' || c == '\n');
            adjacent = space && (adjacent || found.is_some());
            line += newlines(gap);
            found
        })
    }

    pub(crate) fn sentences(&self) -> Vec<Sentence<'_>> {
        let mut sentences = Vec::new();
        let mut line = self.line;
        let mut start = 0;
        let mut characters = self.text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            let closes = next.is_none_or(|next| next.is_whitespace() || "\")*_`".contains(next));
            let ends = character == '\r' || matches!(character, '.' | '?' | '!') && closes;
            if ends || next.is_none() {
                let end = at + character.len_utf8();
                let text = self.text.get(start..end).unwrap_or_default();
                let begins = text.len() - text.trim_start().len();
                let blank = text.get(..begins).unwrap_or_default();
                sentences.push(Sentence {
                    line: line + newlines(blank),
                    text: text.trim(),
                    is_question: character == '?',
                });
                line += newlines(text);
                start = end;
            }
        }
        sentences
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Whether a line of Markdown starts a heading, a list item or a row.
fn begins_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = number.len() < line.len() && number.starts_with(". ");
    is_numbered || line.starts_with("* ") || line.starts_with("- ") || line.starts_with(['#', '|'])
}

/// A string with a space for each escape; the end of a line within it ends a sentence.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('\n') => plain.push('\n'),
            Some('n') => plain.push('\r'),
            Some(quote @ ('"' | '\'')) => plain.push(quote),
            _ => plain.push(' '),
        }
    }
    plain
}

/// Splits a line at the first marker outside quotes.
fn split_comment<'a>(line: &'a str, marker: &str) -> (&'a str, Option<&'a str>) {
    let mut quote = None;
    for (at, character) in line.char_indices() {
        match quote {
            Some(open) if open == character => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None => {
                let (code, rest) = line.split_at_checked(at).unwrap_or((line, ""));
                if let Some(comment) = rest.strip_prefix(marker) {
                    return (code, Some(comment));
                }
            }
        }
    }
    (line, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(path: &str, text: &str) -> Vec<(usize, String, bool)> {
        let parts = parts(path, text);
        let sentences = parts.prose.iter().flat_map(Prose::sentences);
        let sentences = sentences.filter(|sentence| !sentence.text.is_empty());
        sentences
            .map(|sentence| {
                let text = sentence.text.replace('\n', " ");
                (sentence.line, text, sentence.is_question)
            })
            .collect()
    }

    fn expected(sentences: &[(usize, &str)]) -> Vec<(usize, String, bool)> {
        let sentences = sentences.iter();
        sentences
            .map(|(line, text)| (*line, (*text).to_owned(), text.ends_with('?')))
            .collect()
    }

    #[test]
    fn comments_are_joined_over_lines() {
        let text = "/// One\n/// sentence. Why?\n///\n/// * An item\n/// * and one\nfn f() {} // end\n// next";
        assert_eq!(
            sentences("a.rs", text),
            expected(&[
                (1, "One sentence."),
                (2, "Why?"),
                (4, "* An item"),
                (5, "* and one"),
                (6, "end"),
                (7, "next")
            ])
        );
    }

    #[test]
    fn strings_are_prose_and_names_are_not() {
        let text = "let who = \"a \\\n  b.\\nc\"; // d\n";
        let parts = parts("a.rs", text);
        assert_eq!(parts.names, [(1, "let"), (1, "who")]);
        assert_eq!(
            sentences("a.rs", text),
            expected(&[(1, "a    b."), (2, "c"), (2, "d")])
        );
    }

    #[test]
    fn markdown_is_prose_but_for_its_fences() {
        let text = "# Title\nOne\ntwo.\n\n| a | b |\n```\nlet x;\n```\nend";
        assert_eq!(parts("a.md", text).names, [(7, "let"), (7, "x")]);
        assert_eq!(
            sentences("a.md", text),
            expected(&[
                (1, "# Title"),
                (2, "One two."),
                (5, "a"),
                (5, "b"),
                (9, "end")
            ])
        );
    }

    #[test]
    fn comments_of_sql_and_toml_are_found() {
        assert_eq!(
            sentences("a.sql", "-- one\n-- two\nselect '--' -- three\n"),
            expected(&[(1, "one two"), (3, "select '--'"), (3, "three")])
        );
        assert_eq!(
            sentences("a.toml", "# one\nx = \"#\"\n"),
            expected(&[(1, "one"), (2, "x = \"#\"")])
        );
    }

    #[test]
    fn adjacent_words_and_spans_have_their_lines() {
        let text = "// one `Two`,\n// three four\n";
        let parts = parts("a.rs", text);
        let words: Vec<_> = parts.prose[0].words().collect();
        assert_eq!(
            words,
            [
                (1, "one", false),
                (1, "Two", false),
                (2, "three", false),
                (2, "four", true)
            ]
        );
        let spans: Vec<_> = parts.prose[0].code_spans().collect();
        assert_eq!(spans, [(1, "Two")]);
    }
}

//! Finding retired words in lines, names and prose.

use std::collections::HashMap;
use std::ops::Range;

use crate::prose::Prose;

/// What is wrong, by line.
pub(crate) type Found = Vec<(usize, String)>;

/// How a retired word is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As segments of a word in code or prose, also in the plural: `shelf` is in `Shelf`, `on_shelf` and "a shelf".
    Segments,
    /// As a whole identifier, spelled like this, in code or between backticks.
    Exact,
    /// As words of prose in a row, in any case.
    Phrase,
}

/// A retired word, its segments or words, and what replaces it.
type Entry = (Vec<&'static str>, &'static str, &'static str);

/// The retired words by what they begin with.
pub(crate) struct Vocabulary {
    segments: HashMap<&'static str, Vec<Entry>>,
    exact: HashMap<&'static str, &'static str>,
    phrases: HashMap<&'static str, Vec<Entry>>,
    allowed: &'static [(&'static str, &'static str)],
}

impl Vocabulary {
    /// `allowed` are texts in which a retired word may stand.
    pub(crate) fn new(
        retired: &[(Mode, &'static str, &'static str)],
        allowed: &'static [(&'static str, &'static str)],
    ) -> Self {
        let mut table = Self {
            segments: HashMap::new(),
            exact: HashMap::new(),
            phrases: HashMap::new(),
            allowed,
        };
        for &(mode, word, instead) in retired {
            let (map, separator) = match mode {
                Mode::Segments => (&mut table.segments, '_'),
                Mode::Phrase => (&mut table.phrases, ' '),
                Mode::Exact => {
                    table.exact.insert(word, instead);
                    continue;
                }
            };
            let parts: Vec<_> = word.split(separator).collect();
            if let Some(&first) = parts.first() {
                map.entry(first).or_default().push((parts, word, instead));
            }
        }
        table
    }

    pub(crate) fn segments_of(&self, line: &str, number: usize, found: &mut Found) {
        let mut lower = String::new();
        for (start, word) in identifiers(line) {
            lower.clear();
            lower.push_str(word);
            lower.make_ascii_lowercase();
            let segments: Vec<_> = segments(word)
                .filter_map(|range| lower.get(range))
                .collect();
            for index in 0..segments.len() {
                let rest = segments.get(index..).unwrap_or_default();
                for (_, retired, instead) in self.segments_at(rest) {
                    if !self.is_allowed(retired, line, start..start + word.len()) {
                        found.push((number, retired_in(retired, instead, word)));
                    }
                }
            }
        }
    }

    /// Whether the word at these bytes of the line stands in a text that may have it.
    fn is_allowed(&self, retired: &str, line: &str, word: Range<usize>) -> bool {
        let mut allowed = self.allowed.iter().filter(|(word, _)| *word == retired);
        allowed.any(|(_, within)| {
            let mut found = line.match_indices(within);
            found.any(|(at, _)| at < word.end && word.start < at + within.len())
        })
    }

    /// The entries at the beginning of these segments.
    fn segments_at<'a>(&'a self, segments: &'a [&'a str]) -> impl Iterator<Item = &'a Entry> {
        let first = segments.first().copied().unwrap_or_default();
        let singular = first.strip_suffix('s').unwrap_or(first);
        let mut candidates = [self.segments.get(first), None];
        if singular != first {
            candidates = [candidates[0], self.segments.get(singular)];
        }
        let candidates = candidates.into_iter().flatten().flatten();
        candidates.filter(move |(parts, _, _)| {
            let last = parts.len() - 1;
            let mut pairs = parts.iter().zip(segments).enumerate();
            segments.len() >= parts.len()
                && pairs.all(|(index, (part, segment))| {
                    let rest = segment.strip_prefix(part);
                    rest == Some("") || index == last && rest == Some("s")
                })
        })
    }

    pub(crate) fn exact_of(&self, name: &str, line: usize, found: &mut Found) {
        if let Some(instead) = self.exact.get(name) {
            found.push((line, retired_in(name, instead, name)));
        }
    }

    pub(crate) fn phrases_of(&self, prose: &Prose, found: &mut Found) {
        let words: Vec<_> = prose.words().collect();
        for (index, (line, first, _)) in words.iter().enumerate() {
            let candidates = self.phrases.get(first.to_ascii_lowercase().as_str());
            for (parts, retired, instead) in candidates.into_iter().flatten() {
                let rest = words.get(index + 1..).unwrap_or_default();
                let mut pairs = parts.iter().skip(1).zip(rest);
                let all = rest.len() + 1 >= parts.len();
                if all
                    && pairs.all(|(part, (_, word, adjacent))| {
                        *adjacent && part.eq_ignore_ascii_case(word)
                    })
                {
                    found.push((*line, retired_in(retired, instead, retired)));
                }
            }
        }
    }
}

fn retired_in(retired: &str, instead: &str, word: &str) -> String {
    let mut what = format!("\"{retired}\" is retired: use \"{instead}\"");
    if word != retired {
        what.push_str(&format!(" (in {word})"));
    }
    what
}

/// Identifiers and words with where they begin. A letter after a backslash is skipped.
fn identifiers(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = line.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let byte = *bytes.get(at)?;
            if byte == b'\\' {
                at += 2;
            } else if is_word(byte) {
                break;
            } else {
                at += 1;
            }
        }
        let start = at;
        while bytes.get(at).copied().is_some_and(is_word) {
            at += 1;
        }
        line.get(start..at).map(|word| (start, word))
    })
}

fn is_word(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_')
}

/// `HTTPServer_name` has the segments `HTTP`, `Server` and `name`.
fn segments(word: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = word.as_bytes();
    let mut start = 0;
    std::iter::from_fn(move || {
        while bytes.get(start) == Some(&b'_') {
            start += 1;
        }
        bytes.get(start)?;
        let mut end = start + 1;
        while let Some(byte) = bytes.get(end) {
            let before = bytes.get(end - 1).is_some_and(u8::is_ascii_uppercase);
            let after = bytes.get(end + 1).is_some_and(u8::is_ascii_lowercase);
            if *byte == b'_' || byte.is_ascii_uppercase() && (!before || after) {
                break;
            }
            end += 1;
        }
        let segment = start..end;
        start = end;
        Some(segment)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_into_segments() {
        for (word, expected) in [
            ("shelf", "shelf"),
            ("OnShelf", "On Shelf"),
            ("on_shelf", "on shelf"),
            ("HTTPServer_v2Name", "HTTP Server v2 Name"),
            ("__A__", "A"),
            ("MAX_WAIT", "MAX WAIT"),
            ("_", ""),
        ] {
            let found: Vec<_> = segments(word).filter_map(|range| word.get(range)).collect();
            assert_eq!(found.join(" "), expected, "{word}");
        }
    }

    #[test]
    fn escapes_begin_no_word() {
        let found: Vec<_> = identifiers("\"\\nodd é a_b\"").collect();
        assert_eq!(found, [(3, "odd"), (10, "a_b")]);
    }
}

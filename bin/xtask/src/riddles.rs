//! Sentences about an unnamed person or thing.

use crate::prose::Prose;
use crate::vocabulary::Found;

/// Finds "Who asks …" that is no question, and "What is gone is gone".
pub(crate) fn find(prose: &Prose, found: &mut Found) {
    for sentence in prose.sentences() {
        let text = sentence.text;
        let text = text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '`');
        let words: Vec<_> = text.split_whitespace().take(20).collect();
        let first = words.first().copied().unwrap_or_default();
        let first = first.trim_end_matches(|c: char| !c.is_alphanumeric());
        let is_riddle = match first {
            "Who" | "Whose" | "Whom" => words.len() > 1,
            "What" => has_two_verbs(&words),
            _ => false,
        };
        if is_riddle && !sentence.is_question {
            let beginning = words.get(..4).unwrap_or(&words).join(" ");
            let rule = "no sentence begins with an unnamed person: name the subject";
            found.push((sentence.line, format!("\"{beginning} …\": {rule}")));
        }
    }
}

/// Whether a clause like "What was loaded is stale" is the subject of its sentence.
fn has_two_verbs(words: &[&str]) -> bool {
    const SUBORDINATE: [&str; 24] = [
        "that", "which", "who", "whose", "when", "where", "if", "while", "as", "before", "after",
        "until", "unless", "because", "since", "and", "or", "whether", "how", "than", "it", "they",
        "there", "what",
    ];
    let clause = words
        .iter()
        .position(|word| word.ends_with([',', ';', ':', ')']));
    let clause = words.get(..clause.map_or(words.len(), |at| at + 1));
    let verbs = clause.into_iter().flatten().filter(|word| {
        let verb = ["is", "was", "has", "are", "were", "have", "had"];
        verb.contains(word) || SUBORDINATE.contains(word)
    });
    let verbs: Vec<_> = verbs.collect();
    let is_verb = |word: &&str| !SUBORDINATE.contains(word);
    matches!(verbs[..], [first, second, ..] if is_verb(first) && is_verb(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prose;

    fn found(text: &str) -> Vec<usize> {
        let text = format!("/// {text}");
        let mut found = Found::new();
        for prose in &prose::parts("a.rs", &text).prose {
            find(prose, &mut found);
        }
        found.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn riddles_are_found_where_they_begin() {
        for (text, line) in [
            (
                "Who answers what is not there is looked at all the same.",
                1,
            ),
            ("Whose codes these are.", 1),
            ("Fine.\n/// * **Who** asks for it.", 2),
            ("Fine. Who has gone\n/// is gone.", 1),
            ("What is gone is gone, so it needs no key.", 1),
            ("What was paid has changed hands once.", 1),
        ] {
            assert_eq!(found(text), [line], "{text}");
        }
    }

    #[test]
    fn questions_and_names_of_things_are_no_riddles() {
        for text in [
            "Who asks for it?",
            "Who",
            "`Who` is a type.",
            "Those who ask.",
            "What a batch must load.",
            "What it was called before it was renamed.",
            "What is paid, and what is held.",
            "What a caller has that is theirs.",
            "What is that, and is it new?",
        ] {
            assert_eq!(found(text), Vec::<usize>::new(), "{text}");
        }
    }
}

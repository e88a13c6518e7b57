//! The payment methods of a listing as one text, `|CARD|SEPA|`: each between two bars, so that one of them is found by
//! `|CARD|`. A bar within a name is written `\p`, a backslash `\\`.

/// The text of a list.
pub(super) fn joined(methods: &[String]) -> String {
    let mut text = String::from("|");
    for method in methods {
        text.push_str(&escaped(method));
        text.push('|');
    }
    text
}

/// What a text contains exactly if it lists the method.
pub(super) fn needle(method: &str) -> String {
    format!("|{}|", escaped(method))
}

/// The list of a text; `None` for a text that no list is written as.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('|')?;
    if inner.is_empty() {
        return Some(Vec::new());
    }
    inner.strip_suffix('|')?.split('|').map(unescaped).collect()
}

fn escaped(method: &str) -> String {
    method.replace('\\', "\\\\").replace('|', "\\p")
}

fn unescaped(text: &str) -> Option<String> {
    let mut method = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        method.push(match letter {
            '\\' => match letters.next()? {
                'p' => '|',
                '\\' => '\\',
                _ => return None,
            },
            plain => plain,
        });
    }
    Some(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_read_back() {
        for list in [
            &[][..],
            &[""],
            &["CARD"],
            &["CARD", "SEPA"],
            &["A|B", "A\\", "\\p", "|", "%_", ""],
        ] {
            let list: Vec<String> = list.iter().map(|method| (*method).to_owned()).collect();
            assert_eq!(split(&joined(&list)), Some(list));
        }
    }

    #[test]
    fn a_method_is_found_only_as_a_whole() {
        let text = joined(&["CARD".to_owned(), "A|B".to_owned()]);
        assert!(text.contains(&needle("CARD")) && text.contains(&needle("A|B")));
        for other in ["CAR", "ARD", "A", "B", "card", "CARD|A"] {
            assert!(!text.contains(&needle(other)), "{other}");
        }
    }

    #[test]
    fn nonsense_is_no_list() {
        for bad in ["", "CARD", "|CARD", "|\\x|", "|\\"] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }
}

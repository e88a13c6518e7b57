//! Which new passwords are too weak: by a guess at how many tries they stand, and by a list of those that are known.

use p2p_application::ports::PasswordError;
use zxcvbn::feedback::Warning;
use zxcvbn::matching::patterns::MatchPattern;

use super::{BreachedPasswords, failed};

/// Words that a password should not consist of.
const KNOWN_OF_ALL: [&str; 3] = ["p2p-market", "p2pmarket", "p2p"];

/// Shorter pieces of a user's data occur in too many passwords to be significant.
const SHORTEST_PIECE: usize = 3;

/// So many characters at least are a password's own.
const LEAST_BESIDE: usize = 8;

/// Of 4. An attacker needs 10^8 guesses, too many even with a stolen hash.
const LOWEST_SCORE: u8 = 3;

/// Why a password is too weak, if it is: in words that go on from "the password".
pub(super) fn weakness(
    password: &str,
    known_of_owner: &[String],
    breached: Option<&BreachedPasswords>,
) -> Result<Option<&'static str>, PasswordError> {
    if let Some(list) = breached
        && list.contains(password).map_err(|error| failed(&error))?
    {
        return Ok(Some("is known from a data breach, so attackers try it"));
    }
    Ok(guessable(password, known_of_owner))
}

fn guessable(password: &str, known_of_owner: &[String]) -> Option<&'static str> {
    let pieces = pieces(known_of_owner);
    if is_little_beside(password, &pieces) {
        return Some("is made of names that go with this account");
    }
    let hints: Vec<&str> = pieces.iter().map(String::as_str).collect();
    // Only the first hundred characters are looked at: more would only cost time.
    let guess = zxcvbn::zxcvbn(password, &hints);
    if u8::from(guess.score()) >= LOWEST_SCORE {
        return None;
    }
    let owners = guess.sequence().iter().any(|part| match &part.pattern {
        MatchPattern::Dictionary(found) => pieces.contains(&found.matched_word),
        _ => false,
    });
    if owners {
        return Some("is made of names that go with this account");
    }
    let warning = guess.feedback().and_then(|feedback| feedback.warning());
    Some(match warning {
        Some(
            Warning::StraightRowsOfKeysAreEasyToGuess
            | Warning::ShortKeyboardPatternsAreEasyToGuess,
        ) => "follows the keys of a keyboard",
        Some(
            Warning::RepeatsLikeAaaAreEasyToGuess
            | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess,
        ) => "repeats itself",
        Some(Warning::SequencesLikeAbcAreEasyToGuess) => "is a sequence",
        Some(
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword,
        ) => "is too similar to common passwords",
        Some(Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess) => {
            "is little more than a date"
        }
        Some(
            Warning::AWordByItselfIsEasyToGuess
            | Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
            | Warning::CommonNamesAndSurnamesAreEasyToGuess,
        ) => "is little more than a word or a name",
        None => {
            "is too easily guessed: a few words that have nothing to do with each other are better"
        }
    })
}

/// Whether little is left of a password without what is known of its owner.
fn is_little_beside(password: &str, pieces: &[String]) -> bool {
    let lower = password.to_lowercase();
    let mut longest_first: Vec<&String> = pieces.iter().collect();
    longest_first.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    let rest = longest_first
        .into_iter()
        .fold(lower.clone(), |rest, piece| {
            rest.replace(piece.as_str(), " ")
        });
    rest != lower && rest.chars().filter(|letter| *letter != ' ').count() < LEAST_BESIDE
}

/// A user's data, whole and in pieces: the parts of an address, the words of a name.
fn pieces(known_of_owner: &[String]) -> Vec<String> {
    let known = KNOWN_OF_ALL.map(str::to_owned);
    let whole = known_of_owner.iter().map(|known| known.to_lowercase());
    let whole: Vec<String> = known.into_iter().chain(whole).collect();
    let parts = whole.iter().flat_map(|known| {
        known
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|part| part.chars().count() >= SHORTEST_PIECE)
    });
    let mut pieces: Vec<String> = parts.map(str::to_owned).collect();
    pieces.extend(whole);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(password: &str) -> Option<&'static str> {
        let known = [
            "alice.wonder@looking-glass.example".to_owned(),
            "Alice Wonderbourne".to_owned(),
        ];
        weakness(password, &known, None).unwrap()
    }

    #[test]
    fn passwords_that_are_tried_first_are_weak() {
        for (password, expected) in [
            ("password1234", "common passwords"),
            ("letmeinletmein", "repeats"),
            ("aaaaaaaaaaaaaaaa", "repeats"),
            ("qwertyuiop[]", "keyboard"),
            ("abcdefghijklmnop", "sequence"),
            ("17.05.1984", "date"),
            ("Wonderbourne1", "names that go with this account"),
            ("alicewonder123", "names that go with this account"),
            ("looking-glass!", "names that go with this account"),
            ("p2p-market-2024", "names that go with this account"),
            ("", "easily guessed"),
        ] {
            let found = reason(password);
            assert!(
                found.is_some_and(|found| found.contains(expected)),
                "{password}: {found:?}"
            );
        }
    }

    #[test]
    fn strong_passwords_are_accepted() {
        for password in [
            "correct horse battery staple",
            "vX9#qL2m!tRw",
            "мой кот ест зелёные облака",
            "looking-glass kettle orbit",
        ] {
            assert_eq!(reason(password), None, "{password}");
        }
    }

    #[test]
    fn any_length_and_any_letters_are_judged() {
        assert!(reason(&"a".repeat(100_000)).is_some());
        for odd in [
            "\0\0\0\0\0\0\0\0\0\0\0\0",
            "💥💥💥💥💥💥",
            "ﬀ\u{301}İ\u{202e}abc",
            "ẞßẞßẞß",
        ] {
            reason(odd);
        }
    }
}

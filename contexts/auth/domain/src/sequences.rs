//! Finds repetitions and sequences in passwords, such as rows of the keyboard.

/// The rows that a sequence follows, forwards or backwards: the alphabet, digits, and keyboard layouts. No row contains
/// a character twice.
const ROWS: [&str; 13] = [
    "abcdefghijklmnopqrstuvwxyz",
    "1234567890",
    "0123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
];

/// The fewest characters of a run. Two neighbours occur in every word.
const SHORTEST: usize = 3;

/// Whether the text repeats a unit of fewer than `enough` characters. The last repetition may be cut short.
pub(crate) fn is_repetition(text: &str, enough: usize) -> bool {
    let units = text.char_indices().take(enough).map(|(at, _)| at).skip(1);
    units
        .take_while(|unit| 2 * unit <= text.len())
        .any(|unit| text.as_bytes()[unit..] == text.as_bytes()[..text.len() - unit])
}

/// Whether at least three quarters of the characters are in runs: along one of the [`ROWS`], or of one character.
/// `lower` is in lower case. Ordinary words contain few runs.
pub(crate) fn is_mostly_runs(lower: &str) -> bool {
    let (mut in_runs, mut all) = (0, 0);
    let mut rest = lower;
    while !rest.is_empty() {
        let run = longest_run(rest);
        let step = if run >= SHORTEST { run } else { 1 };
        if run >= SHORTEST {
            in_runs += run;
        }
        all += step;
        rest = rest.char_indices().nth(step).map_or("", |(at, _)| &rest[at..]);
    }
    all > 0 && in_runs * 4 >= all * 3
}

/// The length of the longest run at the start of the text, in characters.
fn longest_run(text: &str) -> usize {
    let Some(first) = text.chars().next() else { return 0 };
    let same = text.chars().take_while(|&next| next == first).count();
    if !first.is_ascii_alphanumeric() {
        return same;
    }
    let along = |row: &str| {
        let at = row.find(first)?;
        let forwards = common_start(row[at..].chars(), text);
        let backwards = common_start(row[..=at].chars().rev(), text);
        Some(forwards.max(backwards))
    };
    ROWS.into_iter().filter_map(along).fold(same, usize::max)
}

/// The length of the common start of two texts, in characters.
fn common_start(row: impl Iterator<Item = char>, text: &str) -> usize {
    row.zip(text.chars()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::{ROWS, is_mostly_runs, is_repetition, longest_run};

    #[test]
    fn a_repeated_unit_counts_once() {
        for text in [
            "aaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "abcabcabcabcabca",
            "hunter22hunter22",
            "жжжжжжжж",
            "👍👍👍👍👍👍👍👍",
        ] {
            assert!(is_repetition(text, 15), "{text}");
        }
        for text in ["", "a", "abcabcabcabcabd", "aaaaaaaaaaaaaab", "baaaaaaaaaaaaaa", "tarzan and tarzan"] {
            assert!(!is_repetition(text, 15), "{text}");
        }
    }

    #[test]
    fn a_unit_that_is_long_enough_alone_may_be_repeated() {
        assert!(is_repetition("fourteen chars".repeat(2).as_str(), 15));
        assert!(!is_repetition("fifteen letters".repeat(2).as_str(), 15));
        assert!(is_repetition("fifteen letters".repeat(2).as_str(), 16));
        assert!(is_repetition("четырнадцатьaa".repeat(2).as_str(), 15), "characters count, not bytes");
        assert!(!is_repetition("fourteen chars and fourteen", 20), "the unit is not repeated in full");
    }

    #[test]
    fn a_repetition_has_at_least_two_whole_units() {
        assert!(is_repetition("abab", 8));
        assert!(!is_repetition("aba", 8));
    }

    #[test]
    fn a_run_goes_along_a_row_either_way_or_stays_in_place() {
        for (text, run) in [
            ("", 0),
            ("a", 1),
            ("ax", 1),
            ("ab", 2),
            ("abcx", 3),
            ("dcbax", 4),
            ("qwertyx", 6),
            ("poiuy1", 5),
            ("aaaab", 4),
            ("7890x", 4),
            ("0123x", 4),
            ("3210x", 4),
            ("éééa", 3),
            ("zyx", 3),
            ("1qaz2wsx!", 8),
            ("q1w2e3", 6),
            ("azert!", 5),
        ] {
            assert_eq!(longest_run(text), run, "{text}");
        }
    }

    #[test]
    fn a_row_has_no_character_twice() {
        for row in ROWS {
            assert!(row.char_indices().all(|(at, character)| row.find(character) == Some(at)), "{row}");
        }
    }

    #[test]
    fn a_password_made_of_runs_is_recognised() {
        for text in [
            "abcdefghijklmno",
            "qwertyuiop12345",
            "123456789012345",
            "987654321abcdef",
            "qwertzuiop!asdf",
            "aaaaaaaa12345678",
        ] {
            assert!(is_mostly_runs(text), "{text}");
        }
        for text in [
            "",
            "we were there at point zero",
            "correct horse battery staple",
            "abcdefgh my words",
            "ab",
            "qw as zx 12 ab er",
        ] {
            assert!(!is_mostly_runs(text), "{text}");
        }
    }

    #[test]
    fn three_quarters_in_runs_are_too_many() {
        assert!(is_mostly_runs("abcdef!?ghijkl+%"), "12 of 16");
        assert!(!is_mostly_runs("abcdef!?ghijk+%&"), "11 of 16");
        assert!(is_mostly_runs("é!123456"), "6 of 8 characters, not of 9 bytes");
    }
}

use kernel::Secret;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// A password in the form in which it is counted and hashed, NFC: the same keys pressed on two
/// machines are then the same password.
pub(crate) fn normalised(password: &Secret) -> Secret {
    // Nearly every one is, and to see that takes less than to write it anew.
    if is_nfc(password.expose()) { password.clone() } else { Secret::new(password.expose().nfc().collect()) }
}

/// The bytes that an imported hash may have been made of: as sent and, if they differ, in NFC.
pub(crate) fn spellings(password: &Secret) -> Vec<Secret> {
    let mut spellings = vec![password.clone()];
    if !is_nfc(password.expose()) {
        spellings.push(normalised(password));
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::{normalised, spellings};
    use kernel::Secret;

    #[test]
    fn two_ways_to_type_a_character_are_one_password() {
        let composed = normalised(&Secret::new("é".to_owned()));
        let decomposed = normalised(&Secret::new("e\u{301}".to_owned()));
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn a_password_in_nfc_has_one_spelling_and_any_other_has_two() {
        let spelt = |text: &str| -> Vec<_> {
            spellings(&Secret::new(text.to_owned())).iter().map(|it| it.expose().to_owned()).collect()
        };
        assert_eq!(spelt("é"), ["é"]);
        assert_eq!(spelt("e\u{301}"), ["e\u{301}", "é"]);
    }
}

//! Passwords in Unicode Normalization Form C (NFC), as NIST SP 800-63B-4, section 3.1.1.2 asks.

use kernel::Secret;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// A password in NFC, the form in which it is counted and hashed: the same keys pressed on two machines are then the
/// same password.
#[must_use]
pub fn normalised(password: &Secret) -> Secret {
    // Nearly every password is in NFC, and the check is cheaper than a new copy.
    if is_nfc(password.expose()) { password.clone() } else { Secret::new(password.expose().nfc().collect()) }
}

/// A password in Unicode Normalization Form KC (NFKC), in which some other systems hash it.
#[must_use]
pub fn compatible(password: &Secret) -> Secret {
    Secret::new(password.expose().nfkc().collect())
}

/// The texts that an imported hash may have been made from: the password as it was sent and, if it differs, in NFC.
#[must_use]
pub fn spellings(password: &Secret) -> Vec<Secret> {
    let mut spellings = vec![password.clone()];
    if !is_nfc(password.expose()) {
        spellings.push(normalised(password));
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::{compatible, normalised, spellings};
    use kernel::Secret;

    #[test]
    fn two_ways_to_type_a_character_are_one_password() {
        let composed = normalised(&Secret::new("é".to_owned()));
        let decomposed = normalised(&Secret::new("e\u{301}".to_owned()));
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn a_wide_letter_is_compatible_with_a_narrow_one() {
        assert_eq!(compatible(&Secret::new("\u{ff21}\u{301}".to_owned())).expose(), "Á");
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

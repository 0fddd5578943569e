use crate::totp::TOTP_DIGITS;
use kernel::{DomainError, Secret};
use unicode_normalization::UnicodeNormalization as _;

/// How many recovery codes a user gets.
pub const RECOVERY_CODES: usize = 10;
/// The characters of a recovery code: 50 bits.
const RECOVERY_LENGTH: usize = 10;
/// The longest text that is read as a code, in bytes.
const LONGEST: usize = 100;
/// Crockford's alphabet: without I, L, O and U, which are easily misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A code that a user types as a second factor. It has no `Debug`: it is a secret.
#[derive(Clone)]
pub enum SecondFactorCode {
    /// The six digits of an authenticator app.
    Totp(Secret),
    Recovery(RecoveryCode),
}

/// A text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the six digits that your app shows, or a recovery code")]
pub struct NoCode;

impl DomainError for NoCode {
    fn code(&self) -> &'static str {
        "code_malformed"
    }
}

impl SecondFactorCode {
    /// Reads what a user has typed: with spaces and hyphens, in wide digits, in small letters.
    ///
    /// # Errors
    /// [`NoCode`]
    pub fn parse(text: &Secret) -> Result<Self, NoCode> {
        let text = text.expose();
        if text.len() > LONGEST {
            return Err(NoCode);
        }
        let is_read = |it: &char| !it.is_whitespace() && !matches!(it, '-' | '\u{2010}'..='\u{2015}');
        let typed = Secret::new(text.nfkc().filter(is_read).collect());
        if typed.expose().len() == TOTP_DIGITS && typed.expose().bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Totp(typed));
        }
        RecoveryCode::parse(typed.expose()).map(Self::Recovery)
    }
}

/// A code that works once in place of the second factor: 50 random bits in Crockford's Base32.
#[derive(Clone)]
pub struct RecoveryCode(Secret);

impl RecoveryCode {
    /// The code of 50 random bits; higher bits are ignored.
    #[must_use]
    pub fn of_bits(bits: u64) -> Self {
        let digit = |place: usize| ALPHABET[(bits >> (5 * place)) as usize % ALPHABET.len()] as char;
        Self(Secret::new((0..RECOVERY_LENGTH).rev().map(digit).collect()))
    }

    fn parse(typed: &str) -> Result<Self, NoCode> {
        let canonical = |it: char| match it.to_ascii_uppercase() {
            'I' | 'L' => Some('1'),
            'O' => Some('0'),
            other => u8::try_from(other).ok().filter(|byte| ALPHABET.contains(byte)).map(char::from),
        };
        let code: Option<String> = typed.chars().map(canonical).collect();
        let code = code.filter(|code| code.len() == RECOVERY_LENGTH).ok_or(NoCode)?;
        Ok(Self(Secret::new(code)))
    }

    /// The ten characters, by which codes are compared.
    #[must_use]
    pub const fn canonical(&self) -> &Secret {
        &self.0
    }

    /// The form that the user keeps: two groups of five.
    #[must_use]
    pub fn shown(&self) -> Secret {
        let (first, second) = self.0.expose().split_at(RECOVERY_LENGTH / 2);
        Secret::new(format!("{first}-{second}"))
    }
}

kernel::text! {
    /// Why an administrator removes the second factors of a user. It stays in the audit log.
    ResetReason, 200
}

/// Why a factor is not added or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactorConflict {
    /// The user has an authenticator app already.
    #[error("an authenticator app is enrolled already: remove it first")]
    TotpEnrolled,
    /// There is nothing to confirm: no enrolment was begun, or it has expired.
    #[error("no enrolment of an authenticator app waits for its code: begin one")]
    NoEnrolment,
    /// Recovery codes stand in for a second factor, and the user has none.
    #[error("recovery codes need a second factor: add one first")]
    NoSecondFactor,
}

impl DomainError for FactorConflict {
    fn code(&self) -> &'static str {
        match self {
            Self::TotpEnrolled => "totp_enrolled",
            Self::NoEnrolment => "totp_not_begun",
            Self::NoSecondFactor => "no_second_factor",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FactorConflict, NoCode, RecoveryCode, SecondFactorCode};
    use kernel::{DomainError as _, Secret};

    /// The kind and the canonical text of a code.
    fn read(text: &str) -> Option<(&'static str, String)> {
        match SecondFactorCode::parse(&Secret::new(text.to_owned())).ok()? {
            SecondFactorCode::Totp(digits) => Some(("totp", digits.expose().to_owned())),
            SecondFactorCode::Recovery(code) => Some(("recovery", code.canonical().expose().to_owned())),
        }
    }

    #[test]
    fn six_digits_are_a_code_of_an_app_however_they_are_typed() {
        for text in ["123456", " 123 456 ", "123-456", "１２３４５６", "123\u{a0}456", "123–456"] {
            assert_eq!(read(text), Some(("totp", "123456".to_owned())), "{text}");
        }
    }

    #[test]
    fn ten_characters_of_crockfords_alphabet_are_a_recovery_code() {
        for text in ["7G3QM-01ABZ", "7g3qm01abz", "7G3QM O1ABZ", "7g3qm-oiabz", "７Ｇ３ＱＭ-0lABZ"] {
            assert_eq!(read(text), Some(("recovery", "7G3QM01ABZ".to_owned())), "{text}");
        }
        assert_eq!(read("12345-67890"), Some(("recovery", "1234567890".to_owned())));
    }

    #[test]
    fn any_other_text_is_no_code() {
        for text in ["", "12345", "1234567", "12345a", "7G3QM-01AB", "7G3QM-01ABU", "7G3QM-01ABZZ", "٣٣٣٣٣٣", "🔑"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("123456{}", " ".repeat(4_096))), None);
        assert_eq!(NoCode.code(), "code_malformed");
    }

    #[test]
    fn a_recovery_code_is_read_as_it_is_shown() {
        for (bits, shown) in
            [(0, "00000-00000"), (31, "00000-0000Z"), (u64::MAX, "ZZZZZ-ZZZZZ"), (1 << 45, "10000-00000")]
        {
            let code = RecoveryCode::of_bits(bits);
            assert_eq!(code.shown().expose(), shown);
            assert_eq!(read(shown), Some(("recovery", code.canonical().expose().to_owned())));
        }
    }

    #[test]
    fn each_conflict_has_a_code() {
        let all = [FactorConflict::TotpEnrolled, FactorConflict::NoEnrolment, FactorConflict::NoSecondFactor];
        assert_eq!(all.map(|why| why.code()), ["totp_enrolled", "totp_not_begun", "no_second_factor"]);
    }
}

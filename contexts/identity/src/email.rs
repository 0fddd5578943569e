use kernel::{DomainError, find_invisible, is_ignorable, trim};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The longest address to which mail can be delivered, in bytes (RFC 5321, section 4.5.3.1.3, erratum 1690).
const LONGEST: usize = 254;
/// The longest local part, in bytes (RFC 5321, section 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;

/// An email address, as the user typed it and in the canonical form by which addresses are compared.
///
/// The local part is ASCII (RFC 5322 `dot-atom`) and compared without case. The domain may be international and is
/// compared by its A-labels (UTS 46). So all spellings of one mailbox have one canonical form, and a spelling with
/// another case or width cannot be registered as another user. White space, line breaks and byte order marks around the
/// address are removed, and so are characters that IDNA ignores in the domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email {
    typed: String,
    canonical: String,
}

/// The text is not an email address. The error quotes no visible part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// The text does not have the form `name@domain`.
    #[error("must be an email address such as name@example.org")]
    Malformed,
    /// The text is [malformed](Self::Malformed) because of an invisible character.
    #[error("must not contain the invisible character U+{:04X}: type the address again", u32::from(*.0))]
    HasInvisible(char),
    #[error("must be at most 254 bytes long, with at most 64 before the @")]
    TooLong,
}

impl DomainError for EmailError {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed | Self::HasInvisible(_) => "email_invalid",
            Self::TooLong => "email_too_long",
        }
    }
}

impl Email {
    /// Parses an address.
    ///
    /// # Errors
    /// When the text is not an address, or longer than RFC 5321 allows.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = trim(text);
        Self::parse_visible(text).map_err(|error| match (error, find_invisible(text)) {
            (EmailError::Malformed, Some(at)) => text[at..].chars().next().map_or(error, EmailError::HasInvisible),
            _ => error,
        })
    }

    fn parse_visible(text: &str) -> Result<Self, EmailError> {
        if text.len() > LONGEST {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError::Malformed)?;
        if local.len() > LONGEST_LOCAL {
            return Err(EmailError::TooLong);
        }
        if !is_dot_atom(local) {
            return Err(EmailError::Malformed);
        }
        let canonical_domain = canonical_domain(domain).ok_or(EmailError::Malformed)?;
        // ASCII only: `to_lowercase` would map the Kelvin sign to `k`.
        let canonical = format!("{}@{canonical_domain}", local.to_ascii_lowercase());
        if canonical.len() > LONGEST {
            return Err(EmailError::TooLong);
        }
        let typed = format!("{local}@{}", visible_domain(domain));
        // The typed form is stored, and parsed again later. If the domain's Unicode form is too long, use its A-labels.
        let typed = if typed.len() > LONGEST { format!("{local}@{canonical_domain}") } else { typed };
        Ok(Self { typed, canonical })
    }

    /// The address as the user typed it, for display. A domain with ignored characters is shown as IDNA maps it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The form by which addresses are compared and kept unique.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// Whether the local part is a `dot-atom` (RFC 5322, section 3.2.3): printable ASCII with single dots in between.
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b))
    })
}

/// The domain as A-labels in lower case. `None` if there is only one label, or if the last one is a number, as in an
/// IPv4 address.
fn canonical_domain(domain: &str) -> Option<String> {
    let deny = idna::AsciiDenyList::STD3;
    let ascii = idna::uts46::Uts46::new()
        .to_ascii(domain.as_bytes(), deny, idna::uts46::Hyphens::Check, idna::uts46::DnsLength::Verify)
        .ok()?;
    let last = ascii.rsplit_once('.')?.1;
    (!last.bytes().all(|b| b.is_ascii_digit())).then(|| ascii.into_owned())
}

/// The domain as the user typed it. If it has characters that IDNA ignores (such as a soft hyphen or a zero-width
/// space, but not joiners), the form that IDNA maps it to.
fn visible_domain(domain: &str) -> Cow<'_, str> {
    let is_ignored = |character| is_ignorable(character) && !matches!(character, '\u{200c}' | '\u{200d}');
    if !domain.contains(is_ignored) {
        return domain.into();
    }
    let (deny, hyphens) = (idna::AsciiDenyList::STD3, idna::uts46::Hyphens::Check);
    idna::uts46::Uts46::new().to_unicode(domain.as_bytes(), deny, hyphens).0
}

impl TryFrom<String> for Email {
    type Error = EmailError;
    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.typed
    }
}

#[cfg(test)]
mod tests {
    use super::{Email, EmailError};
    use kernel::DomainError as _;

    fn canonical(text: &str) -> Result<String, EmailError> {
        Email::parse(text).map(|email| email.canonical().to_owned())
    }

    #[test]
    fn spellings_of_one_mailbox_have_one_canonical_form() {
        for spelling in ["Ada@Example.ORG", "ada@example.org", "ADA@ＥＸＡＭＰＬＥ.org"] {
            assert_eq!(canonical(spelling).as_deref(), Ok("ada@example.org"), "{spelling}");
        }
        for spelling in ["a@bücher.example", "a@BÜCHER.example", "a@xn--bcher-kva.example"] {
            assert_eq!(canonical(spelling).as_deref(), Ok("a@xn--bcher-kva.example"), "{spelling}");
        }
    }

    #[test]
    fn the_typed_spelling_is_kept_for_display() {
        let email = Email::parse("Ada.Lovelace+news@Bücher.example").expect("an address");
        assert_eq!(email.as_str(), "Ada.Lovelace+news@Bücher.example");
        assert_eq!(String::from(email), "Ada.Lovelace+news@Bücher.example");
    }

    #[test]
    fn characters_that_idna_ignores_in_a_domain_are_neither_compared_nor_shown() {
        for spelling in [
            "Ada@exam\u{200b}ple.org",
            "Ada@Exam\u{ad}ple.ORG",
            "Ada@\u{2060}example.o\u{fe0f}rg",
            "Ada@e\u{feff}xample.org",
        ] {
            let email = Email::parse(spelling).expect("an address");
            assert_eq!((email.as_str(), email.canonical()), ("Ada@example.org", "ada@example.org"), "{spelling:?}");
        }
        let email = Email::parse("a@B\u{ad}ücher.example").expect("an address");
        assert_eq!((email.as_str(), email.canonical()), ("a@bücher.example", "a@xn--bcher-kva.example"));
        // 50 characters take 54 bytes as an A-label, and 150 in UTF-8.
        let label = format!("xn--fiq{}", "a".repeat(49));
        let email = Email::parse(&format!("Ada@{label}.{label}.exam\u{ad}ple")).expect("an address");
        assert_eq!(email.as_str(), format!("Ada@{label}.{label}.example"));
        assert_eq!(Email::parse(email.as_str()), Ok(email));
        // A joiner is part of the spelling of a name.
        let joined = "a@நம\u{bcd}\u{200c}.Example";
        assert_eq!(Email::parse(joined).map(String::from).as_deref(), Ok(joined));
    }

    #[test]
    fn bidirectional_controls_and_invisible_characters_are_rejected() {
        for (text, hidden) in [
            ("a@exa\u{202e}mple.org", '\u{202e}'),
            ("a@example\u{200e}.org", '\u{200e}'),
            ("a\u{200b}da@example.org", '\u{200b}'),
            ("a\u{ad}@example.org", '\u{ad}'),
            ("a@\u{200b}.org", '\u{200b}'),
            ("\u{200b}Ada@example.org", '\u{200b}'),
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::HasInvisible(hidden)), "{text:?}");
        }
        let error = EmailError::HasInvisible('\u{ad}');
        assert_eq!(error.to_string(), "must not contain the invisible character U+00AD: type the address again");
        assert_eq!(error.code(), "email_invalid");
    }

    #[test]
    fn white_space_around_an_address_is_removed() {
        for text in
            [" Ada@example.org", "Ada@example.org\r\n", "\u{feff}Ada@example.org\t", "\u{a0}Ada@example.org\u{3000}"]
        {
            assert_eq!(Email::parse(text).map(String::from).as_deref(), Ok("Ada@example.org"), "{text:?}");
        }
        let longest = format!("  {}@example.org  ", "a".repeat(64));
        assert!(Email::parse(&longest).is_ok());
        for text in ["Ada @example.org", "Ada@ example.org"] {
            assert_eq!(Email::parse(text), Err(EmailError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn a_text_that_is_not_an_address_is_rejected() {
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "ada@example",
            "ada@example..org",
            "ada@.example.org",
            "a b@example.org",
            ".ada@example.org",
            "ada.@example.org",
            "a..b@example.org",
            "ada@exa mple.org",
            "ada@example.org\0",
            "ada@-x.org",
            "ada\0@example.org",
            "\u{212a}ate@example.org",
            "\"a b\"@example.org",
            "ada@[127.0.0.1]",
            "ada@127.0.0.1",
            "ada@exam_ple.org",
            "ada@example.org\r\nBcc: eve@example.org",
            "<ada@example.org>",
            "a@b@example.org",
            "ada@xn--a.org",
        ] {
            assert!(matches!(Email::parse(text), Err(EmailError::Malformed | EmailError::HasInvisible(_))), "{text:?}");
        }
    }

    #[test]
    fn addresses_over_the_limits_of_smtp_are_refused() {
        let local = |n: usize| format!("{}@example.org", "a".repeat(n));
        assert!(Email::parse(&local(64)).is_ok());
        assert_eq!(Email::parse(&local(65)), Err(EmailError::TooLong));
        let label = "d".repeat(60);
        let total = |n: usize| format!("a@{label}.{label}.{label}.{}.org", "e".repeat(n));
        assert_eq!(total(65).len(), 254);
        let at_limit = format!("{}@{label}.{label}.{label}.ee.org", "a".repeat(64));
        assert_eq!(at_limit.len(), 254);
        assert!(Email::parse(&at_limit).is_ok());
        assert_eq!(Email::parse(&format!("{at_limit}x")), Err(EmailError::TooLong));
    }

    #[test]
    fn a_domain_that_grows_over_the_limit_in_its_canonical_form_is_refused() {
        let label = "ü".repeat(25);
        let text = format!("{}@{label}.{label}.{label}.{}.org", "a".repeat(64), "b".repeat(30));
        assert!(text.len() <= 254 && Email::parse("a@example.org").is_ok());
        let parsed = canonical(&text);
        assert!(
            parsed.is_ok_and(|canonical| canonical.len() <= 254) || Email::parse(&text) == Err(EmailError::TooLong)
        );
    }

    #[test]
    fn an_address_is_serialised_as_text_and_validated_when_read() {
        let email = Email::parse("Ada@Example.org").expect("an address");
        let json = serde_json::to_string(&email).expect("plain data");
        assert_eq!(json, "\"Ada@Example.org\"");
        assert_eq!(serde_json::from_str::<Email>(&json).ok(), Some(email));
        assert!(serde_json::from_str::<Email>("\"ada\"").is_err());
    }

    #[test]
    fn reasons_have_stable_codes() {
        assert_eq!(EmailError::Malformed.code(), "email_invalid");
        assert_eq!(EmailError::TooLong.code(), "email_too_long");
    }
}

//! The codes of authenticator apps (RFC 6238): SHA-1, six digits, 30 seconds, as every app knows them.

use crate::tokens::TokenError;
use auth_domain::{TOTP_DIGITS, TOTP_PERIOD};
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::{ECL, QRBuilder};
use kernel::Secret;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

/// The random bytes of a secret: as long as the output of SHA-1 (RFC 4226, section 4).
const NEW_BYTES: usize = 20;
/// The shortest secret that may come from another system.
const LEAST_BYTES: usize = 10;
const MOST_BYTES: usize = 128;

/// The secret of an authenticator app.
pub(crate) struct TotpSecret(Zeroizing<Vec<u8>>);

/// A new secret, in the forms in which apps take it.
pub(crate) struct NewTotp {
    pub(crate) secret: TotpSecret,
    pub(crate) base32: Secret,
    /// The URL that the QR code shows.
    pub(crate) url: Secret,
    pub(crate) qr_svg: Secret,
}

impl TotpSecret {
    /// A secret that was stored before.
    pub(crate) const fn stored(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Reads a secret of another system: 10 to 128 bytes in Base32, with spaces, hyphens and small letters.
    pub(crate) fn from_base32(text: &str) -> Option<Self> {
        let kept = text.chars().filter(|it| !matches!(it, ' ' | '-' | '=')).map(|it| it.to_ascii_uppercase());
        let text = Zeroizing::new(kept.collect::<String>());
        let secret = totp_rs::Secret::try_from_base32(text.as_str()).ok()?;
        let bytes = Zeroizing::new(secret.as_bytes().to_vec());
        (LEAST_BYTES..=MOST_BYTES).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The bytes, to be sealed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first of these steps whose code this is. The comparison takes the same time for every code.
    pub(crate) fn step_of_code(&self, code: &str, steps: &[i64]) -> Option<i64> {
        let totp = self.builder().build_noncompliant();
        steps.iter().copied().find(|step| {
            let second = u64::try_from(step.saturating_mul(TOTP_PERIOD)).unwrap_or_default();
            totp.check(code, second).is_some()
        })
    }

    fn builder(&self) -> Builder {
        Builder::new()
            .with_secret(totp_rs::Secret::new(self.0.as_slice().into()))
            .with_digits(TOTP_DIGITS as u8)
            .with_step_duration(TOTP_PERIOD.unsigned_abs())
            .with_skew(0)
    }
}

impl NewTotp {
    /// Makes a secret for an account of this service. Both names are what the app shows.
    ///
    /// # Errors
    /// If the system gives no random bytes, or the names are too long for a QR code.
    pub(crate) fn random(service: &str, account: &str) -> Result<Self, TokenError> {
        let mut bytes = Zeroizing::new(vec![0; NEW_BYTES]);
        getrandom::fill(&mut bytes).map_err(|_| TokenError::Crypto)?;
        let secret = TotpSecret(bytes);
        // A colon separates both names in the URL.
        let (service, account) = (service.replace(':', " "), account.replace(':', " "));
        let totp: Totp = secret.builder().with_issuer(Some(service)).with_account_name(account).build_noncompliant();
        let base32 = Secret::new(totp.secret().to_base32());
        let url = Secret::new(totp.to_url().map_err(|_| TokenError::Crypto)?);
        let qr = QRBuilder::new(url.expose()).ecl(ECL::M).build().map_err(|_| TokenError::Crypto)?;
        let qr_svg = Secret::new(SvgBuilder::default().to_str(&qr));
        Ok(Self { secret, base32, url, qr_svg })
    }
}

#[cfg(test)]
mod tests {
    use super::{NewTotp, TotpSecret};
    use zeroize::Zeroizing;

    /// RFC 6238, appendix B, for SHA-1. Its codes have eight digits; ours are the last six.
    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let secret = TotpSecret::stored(Zeroizing::new(b"12345678901234567890".to_vec()));
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000_i64, "353130"),
        ] {
            let step = second / 30;
            assert_eq!(secret.step_of_code(code, &[step - 1, step, step + 1]), Some(step), "second {second}");
            assert_eq!(secret.step_of_code(code, &[step - 1, step + 1]), None, "second {second}");
        }
        assert_eq!(secret.step_of_code("287083", &[0, 1, 2]), None);
        assert_eq!(secret.step_of_code("", &[1]), None);
    }

    #[test]
    fn a_new_secret_is_shown_in_upper_case_and_read_back() {
        let new = NewTotp::random("Roster", "ada@example.org").expect("made");
        let base32 = new.base32.expose();
        assert!(
            base32.len() == 32 && base32.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()),
            "{base32}"
        );
        let read = TotpSecret::from_base32(base32).expect("read");
        assert_eq!(read.bytes(), new.secret.bytes());
        let url = new.url.expose();
        assert!(url.starts_with("otpauth://totp/Roster:ada%40example.org?"), "{url}");
        assert!(url.contains(&format!("secret={base32}")) && url.contains("issuer=Roster"), "{url}");
        assert!(new.qr_svg.expose().starts_with("<svg ") && new.qr_svg.expose().ends_with("</svg>"));
    }

    #[test]
    fn a_qr_code_has_room_for_long_names_in_any_script() {
        for name in ["سجل المستخدمين", "名簿", "a:b", &"ш".repeat(100)] {
            let new = NewTotp::random(name, &format!("{}@example.org", "a".repeat(64))).expect("made");
            let url = totp_rs::Totp::from_url_unchecked(new.url.expose()).expect("a URL that apps can read");
            assert_eq!(url.issuer(), Some(name.replace(':', " ").as_str()));
        }
    }

    #[test]
    fn a_secret_of_another_system_is_read_as_people_write_it() {
        let expected = TotpSecret::from_base32("GEZDGNBVGY3TQOJQ").expect("read");
        assert_eq!(expected.bytes(), b"1234567890");
        for text in ["gezd gnbv gy3t qojq", "GEZD-GNBV-GY3T-QOJQ", "GEZDGNBVGY3TQOJQ=="] {
            assert_eq!(TotpSecret::from_base32(text).expect("read").bytes(), expected.bytes(), "{text}");
        }
        for text in ["", "GEZDGNBV", "GEZDGNBVGY3TQOJ1", "ГЕЗД", &"A".repeat(400)] {
            assert!(TotpSecret::from_base32(text).is_none(), "{text}");
        }
    }
}

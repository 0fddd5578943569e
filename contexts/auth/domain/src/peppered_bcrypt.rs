use crate::hash_text::LONGEST_SALT;
use crate::{Bcrypt, BcryptFormat, HashError, base64};
use std::fmt;

const PREFIX: &str = "$bcrypt-pepper$";

/// An imported bcrypt hash of the password followed by a pepper, as Devise makes it, as the text
/// `$bcrypt-pepper$<base64 of the pepper>$2a$<cost>$<salt><digest>`.
///
/// The pepper, a secret of the other system, is stored with the hash until the first sign-in replaces both. It has 1 to
/// 64 bytes.
#[derive(Clone)]
pub struct PepperedBcrypt {
    pepper: Vec<u8>,
    bcrypt: Bcrypt,
}

impl PepperedBcrypt {
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let (pepper, bcrypt) =
            text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('$')).ok_or(HashError::Malformed)?;
        let bcrypt = Bcrypt::parse(&format!("${bcrypt}"))?;
        let pepper = base64::decode(pepper).ok_or(HashError::Malformed)?;
        // bcrypt ends its input at a NUL.
        let is_pepper = (1..=LONGEST_SALT).contains(&pepper.len()) && !pepper.contains(&0);
        if is_pepper && matches!(bcrypt.form(), BcryptFormat::Plain(_)) {
            Ok(Self { pepper, bcrypt })
        } else {
            Err(HashError::Malformed)
        }
    }

    /// What follows the password in the input of bcrypt.
    #[must_use]
    pub fn expose_pepper(&self) -> &[u8] {
        &self.pepper
    }

    /// The hash, in bcrypt's own format.
    #[must_use]
    pub const fn bcrypt(&self) -> &Bcrypt {
        &self.bcrypt
    }

    pub(crate) fn expose(&self) -> String {
        format!("{PREFIX}{}{}", base64::encode(&self.pepper), self.bcrypt.expose())
    }
}

impl fmt::Debug for PepperedBcrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PepperedBcrypt").field("bcrypt", &self.bcrypt).finish_non_exhaustive()
    }
}

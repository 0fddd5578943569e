use crate::hash_text::{LONGEST_SALT, fields, parameters};
use crate::{HashError, ScryptCosts, base64};
use std::fmt;

/// An imported hash of Firebase, as the text
/// `$firescrypt$ln=<mem_cost>,r=<rounds>,p=1$<salt>$<digest>$<salt separator>$<signer key>`. scrypt makes an AES-256 key
/// of the password, and the digest is the signer key, encrypted in counter mode.
///
/// An import also reads Supabase's
/// `$fbscrypt$v=1,n=<mem_cost>,r=<rounds>,p=1,ss=<salt separator>,sk=<signer key>$<salt>$<digest>`.
///
/// The signer key, a secret of the other system, is stored with the hash until the first sign-in replaces both.
/// Bounds: those of scrypt; a salt of at most 64 bytes with the separator; a signer key of 16 to 128 bytes.
#[derive(Clone)]
pub struct FirebaseScrypt {
    costs: ScryptCosts,
    salt: Vec<u8>,
    digest: String,
    separator: Vec<u8>,
    signer_key: Vec<u8>,
}

impl FirebaseScrypt {
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let (costs, rest) = if text.starts_with("$fbscrypt$") {
            let [_, _, costs, salt, digest] = fields(text)?;
            let [version, n, r, p, separator, signer_key] = parameters(costs, ["v", "n", "r", "p", "ss", "sk"])?;
            if version != "1" {
                return Err(HashError::Unsupported);
            }
            (ScryptCosts::parse([n, r, p])?, [salt, digest, separator, signer_key])
        } else {
            let [_, _, costs, rest @ ..] = fields::<7>(text)?;
            (ScryptCosts::parse(parameters(costs, ["ln", "r", "p"])?)?, rest)
        };
        let [Some(salt), Some(digest), Some(separator), Some(signer_key)] = rest.map(base64::decode) else {
            return Err(HashError::Malformed);
        };
        let is_possible = (1..=LONGEST_SALT).contains(&(salt.len() + separator.len()))
            && (16..=128).contains(&signer_key.len())
            && digest.len() == signer_key.len();
        let hash = Self { costs, salt, digest: base64::encode(&digest), separator, signer_key };
        if is_possible { Ok(hash) } else { Err(HashError::Malformed) }
    }

    /// The parameters of scrypt.
    #[must_use]
    pub const fn costs(&self) -> ScryptCosts {
        self.costs
    }

    /// The salt of scrypt: that of the person, then the separator of the project.
    #[must_use]
    pub fn salt(&self) -> Vec<u8> {
        [&self.salt[..], &self.separator].concat()
    }

    /// The text that is encrypted.
    #[must_use]
    pub fn expose_signer_key(&self) -> &[u8] {
        &self.signer_key
    }

    /// The digest in base64 without padding. Callers MUST compare it in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn expose(&self) -> String {
        let Self { costs, salt, digest, separator, signer_key } = self;
        let [salt, separator, signer_key] = [salt, separator, signer_key].map(|bytes| base64::encode(bytes));
        format!("$firescrypt${costs}${salt}${digest}${separator}${signer_key}")
    }
}

impl fmt::Debug for FirebaseScrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirebaseScrypt").field("costs", &self.costs).finish_non_exhaustive()
    }
}

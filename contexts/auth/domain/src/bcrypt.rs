use crate::{BcryptCost, HashError, base64};
use std::fmt;

const V2: &str = "$bcrypt-sha256$v=2,t=2b,r=";
const V1: &str = "$bcrypt-sha256$";
const DJANGO: &str = "bcrypt_sha256$";
/// 16 bytes.
const SALT_CHARACTERS: usize = 22;

/// A hash that bcrypt made, in one of the forms in which they are stored.
#[derive(Clone)]
pub struct Bcrypt {
    form: BcryptFormat,
    cost: BcryptCost,
    salt: String,
    digest: String,
}

/// How a bcrypt hash is written, and of what bcrypt made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BcryptFormat {
    /// Ours, passlib's bcrypt-sha256 version 2: `$bcrypt-sha256$v=2,t=2b,r=<cost>$<salt>$<digest>`,
    /// of the base64 of HMAC-SHA256, keyed with the salt's text, of the password.
    Sha256V2,
    /// passlib's version 1: `$bcrypt-sha256$<2a or 2b>,<cost>$<salt>$<digest>`, of the base64 of SHA-256.
    Sha256V1(Revision),
    /// Django's: `bcrypt_sha256$$<revision>$<cost>$<salt><digest>`, of the lower-case hex of SHA-256.
    Django(Revision),
    /// bcrypt's own: `$<revision>$<cost>$<salt><digest>`, of the first 72 bytes of the password.
    Plain(Revision),
}

/// The revisions of bcrypt that compute the same of UTF-8. `2x` does not: it is a known bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revision {
    /// `2a`
    A,
    /// `2b`
    B,
    /// `2y`
    Y,
}

impl Bcrypt {
    /// Puts a computed hash together: salt and digest in bcrypt's base64.
    ///
    /// # Errors
    /// [`HashError::Malformed`] unless they are base64 of 16 and of 23 bytes, unused bits zero.
    pub fn try_new(form: BcryptFormat, cost: BcryptCost, salt: &str, digest: &str) -> Result<Self, HashError> {
        let bytes = |text| base64::bytes(text, base64::OF_BCRYPT);
        if bytes(salt) != Some(16) || bytes(digest) != Some(23) {
            return Err(HashError::Malformed);
        }
        Ok(Self { form, cost, salt: salt.to_owned(), digest: digest.to_owned() })
    }

    /// Reads more spellings than there are: the caller takes only the one that is written.
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let (form, cost, salt, digest) = parts(text).ok_or(HashError::Malformed)?;
        let log2: u8 = cost.parse().map_err(|_| HashError::Malformed)?;
        Self::try_new(form, BcryptCost::try_from(log2)?, salt, digest)
    }

    /// How it is written and what it was made of.
    #[must_use]
    pub const fn form(&self) -> BcryptFormat {
        self.form
    }

    /// Its cost.
    #[must_use]
    pub const fn cost(&self) -> BcryptCost {
        self.cost
    }

    /// The 22 characters of the salt: bcrypt's salt decoded, and in version 2 the key of the HMAC as they are.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The 31 characters of the digest, to be compared in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn expose(&self) -> String {
        let Self { form, cost, salt, digest } = self;
        let cost = cost.log2();
        let plain = |revision: &Revision| format!("${}${cost:02}${salt}{digest}", revision.as_str());
        match form {
            BcryptFormat::Sha256V2 => format!("{V2}{cost}${salt}${digest}"),
            BcryptFormat::Sha256V1(revision) => format!("{V1}{},{cost}${salt}${digest}", revision.as_str()),
            BcryptFormat::Django(revision) => format!("{DJANGO}{}", plain(revision)),
            BcryptFormat::Plain(revision) => plain(revision),
        }
    }
}

impl Revision {
    const fn as_str(self) -> &'static str {
        match self {
            Self::A => "2a",
            Self::B => "2b",
            Self::Y => "2y",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::A, Self::B, Self::Y].into_iter().find(|revision| revision.as_str() == text)
    }
}

/// Form, cost, salt and digest.
fn parts(text: &str) -> Option<(BcryptFormat, &str, &str, &str)> {
    if let Some(rest) = text.strip_prefix(V2) {
        let (cost, rest) = rest.split_once('$')?;
        let (salt, digest) = rest.split_once('$')?;
        return Some((BcryptFormat::Sha256V2, cost, salt, digest));
    }
    if let Some(rest) = text.strip_prefix(V1) {
        let (revision, rest) = rest.split_once(',')?;
        // passlib never wrote version 1 with another.
        let revision = Revision::parse(revision).filter(|it| *it != Revision::Y)?;
        let (cost, rest) = rest.split_once('$')?;
        let (salt, digest) = rest.split_once('$')?;
        return Some((BcryptFormat::Sha256V1(revision), cost, salt, digest));
    }
    let (form, text): (fn(Revision) -> BcryptFormat, _) = match text.strip_prefix(DJANGO) {
        Some(rest) => (BcryptFormat::Django, rest),
        None => (BcryptFormat::Plain, text),
    };
    let (revision, rest) = text.strip_prefix('$')?.split_once('$')?;
    let (cost, rest) = rest.split_once('$')?;
    let (salt, digest) = rest.split_at_checked(SALT_CHARACTERS)?;
    Some((form(Revision::parse(revision)?), cost, salt, digest))
}

impl fmt::Debug for Bcrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bcrypt").field("form", &self.form).field("cost", &self.cost).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "bcrypt_tests.rs"]
mod tests;

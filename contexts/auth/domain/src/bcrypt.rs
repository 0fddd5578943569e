use crate::hash_text::number;
use crate::{BcryptCost, HashError, base64};
use std::fmt;

const V2: &str = "$bcrypt-sha256$v=2,t=2b,r=";
const V1: &str = "$bcrypt-sha256$";
const DJANGO: &str = "bcrypt_sha256$";
/// What Django writes before a plain hash. An import drops it.
const DJANGO_PLAIN: &str = "bcrypt$";
const WORDPRESS: &str = "$wp";
/// The length of an encoded salt, which has 16 bytes.
const SALT_CHARACTERS: usize = 22;

/// A hash that bcrypt has computed, in one of the stored formats.
#[derive(Clone)]
pub struct Bcrypt {
    form: BcryptFormat,
    cost: BcryptCost,
    salt: String,
    digest: String,
}

/// The format of a bcrypt hash, which also defines the input of bcrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BcryptFormat {
    /// Our format, passlib's bcrypt-sha256 version 2: `$bcrypt-sha256$v=2,t=2b,r=<cost>$<salt>$<digest>`. The input is
    /// the base64 of the HMAC-SHA256 of the password, with the text of the salt as the key.
    Sha256V2,
    /// passlib's version 1: `$bcrypt-sha256$<2a or 2b>,<cost>$<salt>$<digest>`. The input is the base64 of the SHA-256
    /// of the password.
    Sha256V1(Revision),
    /// Django's format: `bcrypt_sha256$$<revision>$<cost>$<salt><digest>`. The input is the lower-case hex of the
    /// SHA-256 of the password.
    Django(Revision),
    /// The format of WordPress 6.8: `$wp$<revision>$<cost>$<salt><digest>`. The input is the base64 of the HMAC-SHA384 of
    /// the password without white space around it, with the key `wp-sha384`.
    WordPress(Revision),
    /// bcrypt's own format: `$<revision>$<cost>$<salt><digest>`. The input is the first 72 bytes of the password.
    Plain(Revision),
}

/// The revisions of bcrypt that compute the same hash of UTF-8 text. `2x` does not: it is a known bug.
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
    /// Makes a hash of its parts. Salt and digest are in bcrypt's base64.
    ///
    /// # Errors
    /// [`HashError::Malformed`] unless they are base64 of 16 and of 23 bytes, with zeros in the unused bits.
    pub fn try_new(form: BcryptFormat, cost: BcryptCost, salt: &str, digest: &str) -> Result<Self, HashError> {
        if base64::bytes_of_bcrypt(salt) != Some(16) || base64::bytes_of_bcrypt(digest) != Some(23) {
            return Err(HashError::Malformed);
        }
        Ok(Self { form, cost, salt: salt.to_owned(), digest: digest.to_owned() })
    }

    /// Parses a hash. It also accepts other spellings of the cost, which the caller MUST refuse.
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let (form, cost, salt, digest) =
            parts(text.strip_prefix(DJANGO_PLAIN).unwrap_or(text)).ok_or(HashError::Malformed)?;
        let log2 = u8::try_from(number(cost)?).map_err(|_| HashError::TooCostly)?;
        let out_of_range = if log2 < BcryptCost::default().log2() { HashError::TooWeak } else { HashError::TooCostly };
        let cost = BcryptCost::try_from(log2).map_err(|_| out_of_range)?;
        Self::try_new(form, cost, salt, digest)
    }

    /// The format of the hash.
    #[must_use]
    pub const fn form(&self) -> BcryptFormat {
        self.form
    }

    /// The cost of the hash.
    #[must_use]
    pub const fn cost(&self) -> BcryptCost {
        self.cost
    }

    /// The 22 characters of the salt. Decoded they are the salt of bcrypt; as text they are the key of the HMAC in
    /// version 2.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The 31 characters of the digest. Callers MUST compare it in constant time.
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
            BcryptFormat::WordPress(revision) => format!("{WORDPRESS}{}", plain(revision)),
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

/// Splits a hash into format, cost, salt and digest.
fn parts(text: &str) -> Option<(BcryptFormat, &str, &str, &str)> {
    if let Some(rest) = text.strip_prefix(V2) {
        let (cost, rest) = rest.split_once('$')?;
        let (salt, digest) = rest.split_once('$')?;
        return Some((BcryptFormat::Sha256V2, cost, salt, digest));
    }
    if let Some(rest) = text.strip_prefix(V1) {
        let (revision, rest) = rest.split_once(',')?;
        // passlib wrote version 1 with `2a` and `2b` only.
        let revision = Revision::parse(revision).filter(|it| *it != Revision::Y)?;
        let (cost, rest) = rest.split_once('$')?;
        let (salt, digest) = rest.split_once('$')?;
        return Some((BcryptFormat::Sha256V1(revision), cost, salt, digest));
    }
    let (form, text): (fn(Revision) -> BcryptFormat, _) = if let Some(rest) = text.strip_prefix(DJANGO) {
        (BcryptFormat::Django, rest)
    } else if let Some(rest) = text.strip_prefix(WORDPRESS) {
        (BcryptFormat::WordPress, rest)
    } else {
        (BcryptFormat::Plain, text)
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

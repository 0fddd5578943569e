//! passlib's bcrypt-sha256, version 2: bcrypt over a digest, since bcrypt alone stops at 72 bytes
//! and takes `abc` and `abc\0abc` for one password.

use auth_domain::{BcryptSha256, PasswordHash};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac as _};
use kernel::Secret;
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// One hash that is to be computed.
pub(crate) struct Work {
    pub(crate) cost: bcrypt_lanes::Cost,
    pub(crate) salt: [u8; 16],
    /// The base64 of the HMAC: 44 characters, no NUL among them.
    pub(crate) key: Zeroizing<String>,
}

/// Why a hash cannot be computed: a fault of the installation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// The system gives no random bytes.
    #[error("no randomness: {0}")]
    NoRandomness(getrandom::Error),
    /// A stored hash whose parts do not fit together.
    #[error("a stored password hash is malformed")]
    Malformed,
}

impl Work {
    /// For a new password: a fresh salt. Gives the salt's text, too.
    pub(crate) fn anew(cost: auth_domain::Cost, password: &Secret) -> Result<(Self, String), WorkError> {
        let salt = salt()?;
        let text = bcrypt_lanes::base64::encode(&salt);
        Ok((Self::with(cost.log2().into(), salt, &text, password)?, text))
    }

    /// For a stored hash: its own salt and cost.
    pub(crate) fn again(hash: &BcryptSha256, password: &Secret) -> Result<Self, WorkError> {
        let salt = bcrypt_lanes::base64::decode(hash.salt()).ok_or(WorkError::Malformed)?;
        Self::with(hash.cost().log2().into(), salt, hash.salt(), password)
    }

    fn with(cost: u32, salt: [u8; 16], salt_text: &str, password: &Secret) -> Result<Self, WorkError> {
        let cost = bcrypt_lanes::Cost::try_from(cost).map_err(|_| WorkError::Malformed)?;
        let hmac = Hmac::<Sha256>::new_from_slice(salt_text.as_bytes()).map_err(|_| WorkError::Malformed)?;
        let digest = hmac.chain_update(password.expose()).finalize().into_bytes();
        Ok(Self { cost, salt, key: Zeroizing::new(BASE64_STANDARD.encode(digest)) })
    }
}

/// A password in the form in which it is counted and hashed, NFC: the same keys pressed on two
/// machines are then the same password.
pub(crate) fn normalised(password: &Secret) -> Secret {
    Secret::new(password.expose().nfc().collect())
}

/// A hash that no password has: checking against it takes as long as against a real one.
pub(crate) fn nobodys(cost: auth_domain::Cost) -> Result<PasswordHash, WorkError> {
    let salt = bcrypt_lanes::base64::encode(&salt()?);
    let digest = bcrypt_lanes::base64::encode(&[0; 23]);
    stored(cost, &salt, &digest)
}

pub(crate) fn stored(cost: auth_domain::Cost, salt: &str, digest: &str) -> Result<PasswordHash, WorkError> {
    BcryptSha256::try_new(cost, salt, digest).map(PasswordHash::BcryptSha256).map_err(|_| WorkError::Malformed)
}

fn salt() -> Result<[u8; 16], WorkError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(WorkError::NoRandomness)?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::{Work, normalised};
    use kernel::Secret;

    const SALT: &str = "n79VH.0Q2TMWmt3Oqt9uku";

    fn work(cost: u32, password: &str) -> Work {
        let salt = bcrypt_lanes::base64::decode(SALT).expect("22 characters");
        Work::with(cost, salt, SALT, &Secret::new(password.to_owned())).expect("a cost that bcrypt has")
    }

    #[test]
    fn the_published_vectors_hold() {
        let vectors = [
            (10, "password".to_owned(), "yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW"),
            (5, String::new(), "dxxTesegmwvfPs5sK7fOejfMfK1jHfW"),
            (5, "a".repeat(72), "R7.9DkSBE2XmrI4R.m2OCimNA8lSPke"),
            (5, "a".repeat(73), "ynBarE154Ti4ZqYhHFsj2TKXqLSou2."),
            (5, "é".to_owned(), "/0qbNoiqc2SEJvnT8pWunG7wE4c6nFe"),
            (5, "x\0y".to_owned(), "oobSKZf4pybru1Llz39Y9TEFw/xp6W6"),
        ];
        for (cost, password, digest) in vectors {
            let work = work(cost, &password);
            let job = bcrypt_lanes::Job { key: work.key.as_bytes(), salt: work.salt };
            let [ours] = bcrypt_lanes::bcrypt(work.cost, &[job])[..] else { panic!("one job, one digest") };
            assert_eq!(bcrypt_lanes::base64::encode(&ours), digest, "{password:?}");
            // The crate's raw function leaves the closing NUL of `$2b$` to its caller.
            let theirs = bcrypt::bcrypt(cost, work.salt, format!("{}\0", *work.key).as_bytes());
            assert_eq!(ours, theirs[..23], "the bcrypt crate agrees on {password:?}");
        }
    }

    #[test]
    fn two_ways_to_type_a_character_are_one_password() {
        let composed = normalised(&Secret::new("é".to_owned()));
        let decomposed = normalised(&Secret::new("e\u{301}".to_owned()));
        assert_eq!(composed.expose(), decomposed.expose());
    }
}

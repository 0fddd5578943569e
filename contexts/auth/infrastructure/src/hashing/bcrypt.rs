//! Prepares the input of bcrypt: a digest of the password, or for plain imported hashes the password. bcrypt alone uses
//! only 72 bytes, and treats `abc` and `abc\0abc` as the same password.

use auth_domain::{Bcrypt, BcryptFormat, DigestAlgorithm, DigestRecipe, PasswordHash, PepperedBcrypt, Revision};
use auth_domain::{WeakDigest, WrappedDigest};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bcrypt_lanes::Cost;
use hmac::{Hmac, Mac as _};
use kernel::Secret;
use md5::{Digest as _, Md5};
use sha2::{Digest as _, Sha256, Sha384};
use zeroize::Zeroizing;

use crate::hashing::hash_job_error::HashJobError;

/// What `trim` of PHP removes.
const PHP_SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\0', '\x0b'];
/// The public key of the HMAC of WordPress 6.8.
const WORDPRESS_KEY: &[u8] = b"wp-sha384";

/// A bcrypt hash to compute.
pub(crate) struct BcryptJob {
    pub(crate) cost: Cost,
    pub(crate) salt: [u8; 16],
    /// Contains no NUL: a sign-in with one is refused before.
    pub(crate) key: Zeroizing<Vec<u8>>,
}

impl BcryptJob {
    /// A job for a new password, with a fresh salt, and the text of that salt.
    pub(crate) fn new_hash(cost: Cost, password: &Secret) -> Result<(Self, String), HashJobError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(HashJobError::NoRandomness)?;
        let text = bcrypt_lanes::base64::encode(&salt);
        let key = key(BcryptFormat::Sha256V2, &text, password)?;
        Ok((Self { cost, salt, key }, text))
    }

    /// A job that wraps a digest, with a fresh salt, and the text of that salt.
    pub(crate) fn wrapping(cost: Cost, digest: &WeakDigest) -> Result<(Self, String), HashJobError> {
        let (job, salt) = Self::new_hash(cost, &Secret::new(String::new()))?;
        let key = Zeroizing::new(digest.expose_hex().as_bytes().to_vec());
        Ok((Self { key, ..job }, salt))
    }

    /// A job that repeats a stored hash, with its salt and cost.
    pub(crate) fn verifying(hash: &Bcrypt, password: &Secret) -> Result<Self, HashJobError> {
        Self::repeating(hash, key(hash.form(), hash.salt(), password)?)
    }

    /// As [`verifying`](Self::verifying), of the password followed by the pepper.
    pub(crate) fn verifying_peppered(hash: &PepperedBcrypt, password: &Secret) -> Result<Self, HashJobError> {
        Self::repeating(hash.bcrypt(), Zeroizing::new([password.expose().as_bytes(), hash.expose_pepper()].concat()))
    }

    /// As [`verifying`](Self::verifying), of the lower-case hex of a digest of the password.
    pub(crate) fn verifying_wrapped(hash: &WrappedDigest, password: &Secret) -> Result<Self, HashJobError> {
        let DigestRecipe { algorithm, before, after } = hash.recipe();
        let input = Zeroizing::new([before, password.expose().as_bytes(), after].concat());
        let hex = match algorithm {
            DigestAlgorithm::Md5 => hex(Md5::digest(&*input)),
            DigestAlgorithm::Sha1 => hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, &input)),
            DigestAlgorithm::Sha256 => hex(Sha256::digest(&*input)),
        };
        Self::repeating(hash.bcrypt(), Zeroizing::new(hex.into_bytes()))
    }

    /// The work, in units: rounds.
    pub(crate) fn units(&self) -> u64 {
        1 << self.cost.log2()
    }

    fn repeating(hash: &Bcrypt, key: Zeroizing<Vec<u8>>) -> Result<Self, HashJobError> {
        let salt = bcrypt_lanes::base64::decode(hash.salt()).ok_or(HashJobError::Malformed)?;
        Ok(Self { cost: lanes(hash.cost())?, salt, key })
    }
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Converts the cost to the type of `bcrypt_lanes`.
pub(crate) fn lanes(cost: auth_domain::BcryptCost) -> Result<Cost, HashJobError> {
    Cost::try_from(u32::from(cost.log2())).map_err(|_| HashJobError::Malformed)
}

/// Encodes a computed hash in the format for new passwords.
pub(crate) fn encode_hash(
    cost: auth_domain::BcryptCost,
    salt: &str,
    digest: &str,
) -> Result<PasswordHash, HashJobError> {
    Bcrypt::try_new(BcryptFormat::Sha256V2, cost, salt, digest)
        .map(PasswordHash::Bcrypt)
        .map_err(|_| HashJobError::Malformed)
}

/// Encodes the computed hash of a digest in the format for wrapped digests.
pub(crate) fn encode_wrapped(
    weak: &WeakDigest,
    cost: auth_domain::BcryptCost,
    salt: &str,
    digest: &str,
) -> Result<PasswordHash, HashJobError> {
    Bcrypt::try_new(BcryptFormat::Plain(Revision::B), cost, salt, digest)
        .ok()
        .and_then(|bcrypt| weak.wrapped(bcrypt))
        .ok_or(HashJobError::Malformed)
}

fn key(form: BcryptFormat, salt: &str, password: &Secret) -> Result<Zeroizing<Vec<u8>>, HashJobError> {
    let (text, password) = (password.expose(), password.expose().as_bytes());
    Ok(Zeroizing::new(match form {
        BcryptFormat::Sha256V2 => {
            let hmac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).map_err(|_| HashJobError::Malformed)?;
            BASE64_STANDARD.encode(hmac.chain_update(password).finalize().into_bytes()).into_bytes()
        }
        BcryptFormat::Sha256V1(_) => BASE64_STANDARD.encode(Sha256::digest(password)).into_bytes(),
        BcryptFormat::Django(_) => format!("{:x}", Sha256::digest(password)).into_bytes(),
        BcryptFormat::WordPress(_) => {
            let hmac = Hmac::<Sha384>::new_from_slice(WORDPRESS_KEY).map_err(|_| HashJobError::Malformed)?;
            BASE64_STANDARD.encode(hmac.chain_update(text.trim_matches(PHP_SPACE)).finalize().into_bytes()).into_bytes()
        }
        BcryptFormat::Plain(_) => password.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use super::{BcryptFormat, BcryptJob, Cost, key};
    use kernel::Secret;

    const SALT: &str = "n79VH.0Q2TMWmt3Oqt9uku";

    #[test]
    fn published_test_vectors_are_reproduced() {
        let vectors = [
            (10, "password".to_owned(), "yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW"),
            (5, String::new(), "dxxTesegmwvfPs5sK7fOejfMfK1jHfW"),
            (5, "a".repeat(72), "R7.9DkSBE2XmrI4R.m2OCimNA8lSPke"),
            (5, "a".repeat(73), "ynBarE154Ti4ZqYhHFsj2TKXqLSou2."),
            (5, "é".to_owned(), "/0qbNoiqc2SEJvnT8pWunG7wE4c6nFe"),
            (5, "x\0y".to_owned(), "oobSKZf4pybru1Llz39Y9TEFw/xp6W6"),
        ];
        for (cost, password, digest) in vectors {
            let key = key(BcryptFormat::Sha256V2, SALT, &Secret::new(password.clone())).expect("a key");
            let salt = bcrypt_lanes::base64::decode(SALT).expect("22 characters");
            let work = BcryptJob { cost: Cost::try_from(cost).expect("a cost that bcrypt has"), salt, key };
            let job = bcrypt_lanes::Job { key: &work.key, salt: work.salt };
            let [ours] = bcrypt_lanes::bcrypt(work.cost, &[job])[..] else { panic!("one job has one digest") };
            assert_eq!(bcrypt_lanes::base64::encode(&ours), digest, "{password:?}");
            // The raw function of the `bcrypt` crate expects the caller to add the closing NUL of `$2b$`.
            let theirs = bcrypt::bcrypt(cost, work.salt, &[&work.key[..], b"\0"].concat());
            assert_eq!(ours, theirs[..23], "the bcrypt crate agrees on {password:?}");
        }
    }

    #[test]
    fn a_new_hash_has_a_salt_of_its_own() {
        let cost = Cost::try_from(10).expect("a cost that bcrypt has");
        let salts: std::collections::BTreeSet<_> =
            (0..12).map(|_| BcryptJob::new_hash(cost, &Secret::new("p".into())).expect("randomness").1).collect();
        assert_eq!(salts.len(), 12);
    }
}

//! Prepares the input of bcrypt: a digest of the password, or for plain imported hashes the password. bcrypt alone uses
//! only 72 bytes, and treats `abc` and `abc\0abc` as the same password.

use auth_domain::{Bcrypt, BcryptFormat, PasswordHash};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bcrypt_lanes::Cost;
use hmac::{Hmac, Mac as _};
use kernel::Secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::hashing::hash_job_error::HashJobError;

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

    /// A job that repeats a stored hash, with its salt and cost.
    pub(crate) fn verifying(hash: &Bcrypt, password: &Secret) -> Result<Self, HashJobError> {
        let salt = bcrypt_lanes::base64::decode(hash.salt()).ok_or(HashJobError::Malformed)?;
        let key = key(hash.form(), hash.salt(), password)?;
        Ok(Self { cost: lanes(hash.cost())?, salt, key })
    }
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

fn key(form: BcryptFormat, salt: &str, password: &Secret) -> Result<Zeroizing<Vec<u8>>, HashJobError> {
    let password = password.expose().as_bytes();
    Ok(Zeroizing::new(match form {
        BcryptFormat::Sha256V2 => {
            let hmac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).map_err(|_| HashJobError::Malformed)?;
            BASE64_STANDARD.encode(hmac.chain_update(password).finalize().into_bytes()).into_bytes()
        }
        BcryptFormat::Sha256V1(_) => BASE64_STANDARD.encode(Sha256::digest(password)).into_bytes(),
        BcryptFormat::Django(_) => format!("{:x}", Sha256::digest(password)).into_bytes(),
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

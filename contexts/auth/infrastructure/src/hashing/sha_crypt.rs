//! SHA-crypt, for imported hashes.

use crate::hashing::hash_job_error::HashJobError;
use crate::hashing::single_job::{SingleJob, SingleJobError, encode_for_crypt};
use auth_domain::{ShaCrypt, ShaCryptVariant};
use kernel::Secret;
use sha_crypt::{Params, sha256_crypt, sha512_crypt};

/// The bytes that are hashed in the time of one round of bcrypt, measured. Many processors have instructions for SHA-256.
const fn bytes_per_unit(variant: ShaCryptVariant) -> u64 {
    match variant {
        ShaCryptVariant::Sha256 => 50_000,
        ShaCryptVariant::Sha512 => 15_000,
    }
}
/// What each round hashes besides the password: the previous digest, the salt and padding.
const BYTES_PER_ROUND: usize = 128;

/// A SHA-crypt hash to compute.
pub(crate) struct ShaCryptJob {
    hash: ShaCrypt,
    params: Params,
    password: Secret,
}

impl ShaCryptJob {
    pub(crate) fn verifying(hash: &ShaCrypt, password: &Secret) -> Result<Self, HashJobError> {
        let params = Params::new(hash.rounds()).map_err(|_| HashJobError::Malformed)?;
        Ok(Self { hash: hash.clone(), params, password: password.clone() })
    }
}

impl SingleJob for ShaCryptJob {
    fn units(&self) -> u64 {
        let bytes = BYTES_PER_ROUND + self.password.expose().len();
        u64::from(self.hash.rounds()) * (bytes as u64) / bytes_per_unit(self.hash.variant())
    }

    fn compute(&self) -> Result<String, SingleJobError> {
        let (password, salt) = (self.password.expose().as_bytes(), self.hash.salt().as_bytes());
        Ok(match self.hash.variant() {
            ShaCryptVariant::Sha256 => encode_for_crypt(&shuffled_256(&sha256_crypt(password, salt, self.params))),
            ShaCryptVariant::Sha512 => encode_for_crypt(&shuffled_512(&sha512_crypt(password, salt, self.params))),
        })
    }
}

/// Puts the bytes of a digest into the order in which SHA-crypt encodes them (step 22 of its specification).
fn shuffled_256(digest: &[u8; 32]) -> Vec<u8> {
    let mut order = Vec::with_capacity(32);
    let mut next = [0, 10, 20];
    for _ in 0..10 {
        order.extend(next.iter().rev().map(|at| digest[*at]));
        next = [next[2] + 1, next[0] + 1, next[1] + 1];
    }
    order.extend([digest[30], digest[31]]);
    order
}

/// As [`shuffled_256`], for a digest of SHA-512.
fn shuffled_512(digest: &[u8; 64]) -> Vec<u8> {
    let mut order = Vec::with_capacity(64);
    let mut next = [0, 21, 42];
    for _ in 0..21 {
        order.extend(next.iter().rev().map(|at| digest[*at]));
        next = [next[1] + 1, next[2] + 1, next[0] + 1];
    }
    order.push(digest[63]);
    order
}

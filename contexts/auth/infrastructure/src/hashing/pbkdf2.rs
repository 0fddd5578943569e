//! PBKDF2, for imported hashes.

use crate::hashing::single_job::{SingleJob, SingleJobError, encode};
use auth_domain::{Pbkdf2, Prf};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use kernel::Secret;

/// The iterations that take as long as one round of bcrypt, measured with the hash functions of the processor.
const fn iterations_per_unit(prf: Prf) -> u64 {
    match prf {
        Prf::Sha1 => 150,
        Prf::Sha256 => 120,
        Prf::Sha512 => 70,
    }
}

/// A PBKDF2 hash to compute.
pub(crate) struct Pbkdf2Job {
    hash: Pbkdf2,
    password: Secret,
}

impl Pbkdf2Job {
    pub(crate) fn verifying(hash: &Pbkdf2, password: &Secret) -> Self {
        Self { hash: hash.clone(), password: password.clone() }
    }
}

impl SingleJob for Pbkdf2Job {
    fn units(&self) -> u64 {
        u64::from(self.hash.iterations().get()) / iterations_per_unit(self.hash.prf())
    }

    fn compute(&self) -> Result<String, SingleJobError> {
        let algorithm = match self.hash.prf() {
            Prf::Sha1 => PBKDF2_HMAC_SHA1,
            Prf::Sha256 => PBKDF2_HMAC_SHA256,
            Prf::Sha512 => PBKDF2_HMAC_SHA512,
        };
        let mut digest = vec![0; self.hash.digest_bytes()];
        let password = self.password.expose().as_bytes();
        pbkdf2::derive(algorithm, self.hash.iterations(), self.hash.salt(), password, &mut digest);
        Ok(encode(digest))
    }
}

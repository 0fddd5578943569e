//! phpass, for imported hashes.

use crate::hashing::single_job::{SingleJob, SingleJobError, encode_for_crypt};
use auth_domain::Phpass;
use kernel::Secret;
use md5::{Digest as _, Md5};

/// Hashing this many bytes takes as long as one round of bcrypt, measured in a release build.
const BYTES_PER_UNIT: u64 = 25_000;
/// What each round hashes besides the password: the previous digest and padding.
const BYTES_PER_ROUND: usize = 48;

/// A phpass hash to compute.
pub(crate) struct PhpassJob {
    hash: Phpass,
    password: Secret,
}

impl PhpassJob {
    pub(crate) fn verifying(hash: &Phpass, password: &Secret) -> Self {
        Self { hash: hash.clone(), password: password.clone() }
    }
}

impl SingleJob for PhpassJob {
    fn units(&self) -> u64 {
        let bytes = BYTES_PER_ROUND + self.password.expose().len();
        ((bytes as u64) << self.hash.log2_rounds()) / BYTES_PER_UNIT
    }

    fn compute(&self) -> Result<String, SingleJobError> {
        let password = self.password.expose();
        let mut digest = Md5::new().chain_update(self.hash.salt()).chain_update(password).finalize();
        for _ in 0..1_u32 << self.hash.log2_rounds() {
            digest = Md5::new().chain_update(digest).chain_update(password).finalize();
        }
        Ok(encode_for_crypt(&digest))
    }
}

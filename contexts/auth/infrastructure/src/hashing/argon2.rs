//! argon2id and argon2i, for imported hashes.

use crate::hashing::hash_job_error::HashJobError;
use crate::hashing::single_job::{SingleJob, SingleJobError, encode};
use argon2::{Algorithm, Block, Params, Version};
use auth_domain::{Argon2, Argon2Variant};
use kernel::Secret;
use zeroize::Zeroizing;

/// One pass over this many KiB takes as long as one round of bcrypt: 60 µs were measured for each.
const KIB_PER_UNIT: u64 = 64;

/// An argon2 hash to compute.
pub(crate) struct Argon2Job {
    algorithm: Algorithm,
    params: Params,
    salt: Vec<u8>,
    password: Secret,
    length: usize,
}

impl Argon2Job {
    pub(crate) fn verifying(hash: &Argon2, password: &Secret) -> Result<Self, HashJobError> {
        let length = hash.digest_bytes();
        let params = Params::new(hash.memory_kib(), hash.passes(), hash.lanes(), Some(length))
            .map_err(|_| HashJobError::Malformed)?;
        let algorithm = match hash.variant() {
            Argon2Variant::I => Algorithm::Argon2i,
            Argon2Variant::Id => Algorithm::Argon2id,
        };
        Ok(Self { algorithm, params, salt: hash.salt().to_vec(), password: password.clone(), length })
    }
}

impl SingleJob for Argon2Job {
    fn units(&self) -> u64 {
        u64::from(self.params.m_cost()) * u64::from(self.params.t_cost()) / KIB_PER_UNIT
    }

    fn is_memory_hard(&self) -> bool {
        true
    }

    /// Afterwards the memory is wiped.
    fn compute(&self) -> Result<String, SingleJobError> {
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(self.params.block_count())?;
        memory.resize(self.params.block_count(), Block::new());
        let mut digest = vec![0; self.length];
        argon2::Argon2::new(self.algorithm, Version::V0x13, self.params.clone())
            .hash_password_into_with_memory(self.password.expose().as_bytes(), &self.salt, &mut digest, &mut memory[..])
            .map_err(|_| HashJobError::Malformed)?;
        Ok(encode(digest))
    }
}

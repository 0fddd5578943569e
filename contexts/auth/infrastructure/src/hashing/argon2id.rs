//! argon2id, for imported hashes. Only one is computed at a time, because each needs much memory.

use crate::hashing::hash_job_error::HashJobError;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use auth_domain::Argon2id;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use kernel::Secret;
use zeroize::Zeroizing;

/// One pass over this many KiB takes as long as one round of bcrypt: 60 µs were measured for each.
const KIB_PER_UNIT: u64 = 64;

/// An argon2id hash to compute.
pub(crate) struct Argon2idJob {
    params: Params,
    salt: Vec<u8>,
    password: Secret,
    length: usize,
}

/// Why an argon2id hash cannot be computed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Argon2idError {
    #[error("not enough memory for argon2id: {0}")]
    NoMemory(#[from] std::collections::TryReserveError),
    /// The library refuses the parameters.
    #[error(transparent)]
    Refused(#[from] argon2::Error),
}

impl Argon2idJob {
    pub(crate) fn verifying(hash: &Argon2id, password: &Secret) -> Result<Self, HashJobError> {
        let decode = |text| BASE64_STANDARD_NO_PAD.decode(text).map_err(|_| HashJobError::Malformed);
        let (salt, length) = (decode(hash.salt())?, decode(hash.expose_digest())?.len());
        let params = Params::new(hash.memory_kib(), hash.passes(), hash.lanes(), Some(length))
            .map_err(|_| HashJobError::Malformed)?;
        Ok(Self { params, salt, password: password.clone(), length })
    }

    /// The work, in units: rounds of bcrypt that take about as long.
    pub(crate) fn units(&self) -> u64 {
        u64::from(self.params.m_cost()) * u64::from(self.params.t_cost()) / KIB_PER_UNIT
    }

    /// Computes the digest, in base64 without padding. Afterwards the memory is wiped.
    pub(crate) fn compute(&self) -> Result<String, Argon2idError> {
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(self.params.block_count())?;
        memory.resize(self.params.block_count(), Block::new());
        let mut digest = vec![0; self.length];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone()).hash_password_into_with_memory(
            self.password.expose().as_bytes(),
            &self.salt,
            &mut digest,
            &mut memory[..],
        )?;
        Ok(BASE64_STANDARD_NO_PAD.encode(digest))
    }
}

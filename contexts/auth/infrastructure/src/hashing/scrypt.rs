//! scrypt and Firebase's variant of it, for imported hashes.

use crate::hashing::hash_job_error::HashJobError;
use crate::hashing::single_job::{SingleJob, SingleJobError, encode};
use auth_domain::{FirebaseScrypt, Scrypt, ScryptCosts, compatible};
use aws_lc_rs::cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey};
use kernel::Secret;
use scrypt::Params;
use zeroize::Zeroizing;

/// Filling and reading this many KiB takes as long as one round of bcrypt, measured with 2 to 128 MiB.
const KIB_PER_UNIT: u64 = 24;
/// The length of a key of AES-256.
const KEY_BYTES: usize = 32;

/// A scrypt hash to compute.
pub(crate) struct ScryptJob {
    costs: ScryptCosts,
    params: Params,
    salt: Vec<u8>,
    password: Secret,
    output: Output,
}

enum Output {
    /// The derived key is the digest, which has this many bytes.
    Digest(usize),
    /// The derived key encrypts this signer key.
    Encrypted(Zeroizing<Vec<u8>>),
}

impl ScryptJob {
    pub(crate) fn verifying(hash: &Scrypt, password: &Secret) -> Result<Self, HashJobError> {
        let password = if hash.is_nfkc() { compatible(password) } else { password.clone() };
        Self::new(hash.costs(), hash.salt().to_vec(), password, Output::Digest(hash.digest_bytes()))
    }

    pub(crate) fn verifying_firebase(hash: &FirebaseScrypt, password: &Secret) -> Result<Self, HashJobError> {
        let signer_key = Zeroizing::new(hash.expose_signer_key().to_vec());
        Self::new(hash.costs(), hash.salt(), password.clone(), Output::Encrypted(signer_key))
    }

    fn new(costs: ScryptCosts, salt: Vec<u8>, password: Secret, output: Output) -> Result<Self, HashJobError> {
        let params = Params::new(costs.log2_n(), costs.r(), costs.p(), Params::RECOMMENDED_LEN);
        Ok(Self { costs, params: params.map_err(|_| HashJobError::Malformed)?, salt, password, output })
    }

    /// The memory in bytes.
    fn memory(&self) -> usize {
        (128 * self.params.r() as usize) << self.params.log_n()
    }
}

impl SingleJob for ScryptJob {
    fn units(&self) -> u64 {
        u64::from(self.costs.p()) * (self.memory() as u64) / 1024 / KIB_PER_UNIT
    }

    fn is_memory_hard(&self) -> bool {
        true
    }

    fn compute(&self) -> Result<String, SingleJobError> {
        // The library aborts the process if there is not enough memory, so ask for it before.
        Vec::<u8>::new().try_reserve_exact(self.memory())?;
        let length = if let Output::Digest(length) = self.output { length } else { KEY_BYTES };
        let mut derived = Zeroizing::new(vec![0; length]);
        scrypt::scrypt(self.password.expose().as_bytes(), &self.salt, &self.params, &mut derived)
            .map_err(|_| HashJobError::Malformed)?;
        Ok(match &self.output {
            Output::Digest(_) => encode(&*derived),
            Output::Encrypted(signer_key) => encode(encrypt(&derived, signer_key)?),
        })
    }
}

/// Encrypts by AES-256 in counter mode with a counter of zero, as Firebase does. The key is used for this text only.
fn encrypt(key: &[u8], text: &[u8]) -> Result<Vec<u8>, HashJobError> {
    let mut encrypted = vec![0; text.len() + AES_256.block_len()];
    let written = UnboundCipherKey::new(&AES_256, key)
        .and_then(|key| StreamingEncryptingKey::less_safe_ctr(key, EncryptionContext::Iv128([0; 16].into())))
        .and_then(|mut key| key.update(text, &mut encrypted).map(|update| update.written().len()))
        .map_err(|_| HashJobError::Malformed)?;
    encrypted.truncate(written);
    Ok(encrypted)
}

use crate::hashing::argon2::Argon2Job;
use crate::hashing::bcrypt::BcryptJob;
use crate::hashing::hash_job_error::HashJobError;
use crate::hashing::pbkdf2::Pbkdf2Job;
use crate::hashing::phpass::PhpassJob;
use crate::hashing::scrypt::ScryptJob;
use crate::hashing::sha_crypt::ShaCryptJob;
use crate::hashing::single_job::SingleJob;
use auth_domain::PasswordHash;
use kernel::Secret;

/// A hash for the hashing threads to compute.
pub(crate) enum HashJob {
    Bcrypt(BcryptJob),
    /// Any other scheme, for imported hashes.
    Single(Box<dyn SingleJob>),
}

impl HashJob {
    /// A job that repeats a stored hash, with its salt and parameters.
    pub(crate) fn verifying(hash: &PasswordHash, password: &Secret) -> Result<Self, HashJobError> {
        Ok(match hash {
            PasswordHash::Bcrypt(hash) => Self::Bcrypt(BcryptJob::verifying(hash, password)?),
            PasswordHash::PepperedBcrypt(hash) => Self::Bcrypt(BcryptJob::verifying_peppered(hash, password)?),
            PasswordHash::WrappedDigest(hash) => Self::Bcrypt(BcryptJob::verifying_wrapped(hash, password)?),
            PasswordHash::Argon2(hash) => Self::single(Argon2Job::verifying(hash, password)?),
            PasswordHash::Pbkdf2(hash) => Self::single(Pbkdf2Job::verifying(hash, password)),
            PasswordHash::Scrypt(hash) => Self::single(ScryptJob::verifying(hash, password)?),
            PasswordHash::FirebaseScrypt(hash) => Self::single(ScryptJob::verifying_firebase(hash, password)?),
            PasswordHash::ShaCrypt(hash) => Self::single(ShaCryptJob::verifying(hash, password)?),
            PasswordHash::Phpass(hash) => Self::single(PhpassJob::verifying(hash, password)),
        })
    }

    fn single(job: impl SingleJob + 'static) -> Self {
        Self::Single(Box::new(job))
    }

    /// The work, in units: rounds of bcrypt, 2^cost.
    pub(crate) fn units(&self) -> u64 {
        match self {
            Self::Bcrypt(work) => work.units(),
            Self::Single(work) => work.units(),
        }
    }

    /// Whether the job takes megabytes of memory. Only one such job runs at a time.
    pub(crate) fn is_memory_hard(&self) -> bool {
        matches!(self, Self::Single(work) if work.is_memory_hard())
    }
}

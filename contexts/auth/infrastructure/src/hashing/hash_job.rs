use crate::hashing::argon2::Argon2Job;
use crate::hashing::bcrypt::BcryptJob;
use crate::hashing::hash_job_error::HashJobError;
use crate::hashing::pbkdf2::Pbkdf2Job;
use crate::hashing::phpass::PhpassJob;
use crate::hashing::scrypt::ScryptJob;
use crate::hashing::sha_crypt::ShaCryptJob;
use crate::hashing::single_job::SingleJob;
use auth_domain::PasswordHash;
use bcrypt_lanes::{Cost, Job};
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
            Self::Bcrypt(work) => units(work.cost),
            Self::Single(work) => work.units(),
        }
    }

    /// The cost of bcrypt; `None` for other schemes. Jobs of the same cost can be computed together.
    pub(crate) const fn cost(&self) -> Option<Cost> {
        match self {
            Self::Bcrypt(work) => Some(work.cost),
            Self::Single(_) => None,
        }
    }

    /// Whether the job takes megabytes of memory. Only one such job runs at a time.
    pub(crate) fn is_memory_hard(&self) -> bool {
        matches!(self, Self::Single(work) if work.is_memory_hard())
    }
}

/// The rounds of bcrypt at a cost.
pub(crate) fn units(cost: Cost) -> u64 {
    1 << cost.log2()
}

/// Computes jobs together, and encodes the digests as the scheme writes them. The jobs MUST be bcrypt of one cost, or a
/// single one of another scheme. A digest is `None` if it cannot be computed now. bcrypt calls `pause` about once per
/// millisecond.
pub(crate) fn compute<'a>(works: impl Iterator<Item = &'a HashJob>, pause: fn()) -> Vec<Option<String>> {
    let (mut jobs, mut cost, mut others) = (Vec::new(), None, Vec::new());
    for work in works {
        match work {
            HashJob::Bcrypt(work) => {
                cost = Some(work.cost);
                jobs.push(Job { key: &work.key, salt: work.salt });
            }
            HashJob::Single(work) => others.push(
                work.compute().inspect_err(|error| tracing::error!(%error, "could not compute a password hash")).ok(),
            ),
        }
    }
    let digests = cost.map(|cost| bcrypt_lanes::bcrypt_with_pauses(cost, &jobs, pause)).unwrap_or_default();
    digests.iter().map(|digest| Some(bcrypt_lanes::base64::encode(digest))).chain(others).collect()
}

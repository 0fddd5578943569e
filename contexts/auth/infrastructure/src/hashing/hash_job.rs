use crate::hashing::argon2id::Argon2idJob;
use crate::hashing::bcrypt::BcryptJob;
use crate::hashing::hash_job_error::HashJobError;
use auth_domain::PasswordHash;
use bcrypt_lanes::{Cost, Job};
use kernel::Secret;

/// A hash for the hashing threads to compute.
pub(crate) enum HashJob {
    Bcrypt(BcryptJob),
    Argon2id(Argon2idJob),
}

impl HashJob {
    /// A job that repeats a stored hash, with its salt and parameters.
    pub(crate) fn verifying(hash: &PasswordHash, password: &Secret) -> Result<Self, HashJobError> {
        Ok(match hash {
            PasswordHash::Bcrypt(hash) => Self::Bcrypt(BcryptJob::verifying(hash, password)?),
            PasswordHash::Argon2id(hash) => Self::Argon2id(Argon2idJob::verifying(hash, password)?),
        })
    }

    /// The work, in units: rounds of bcrypt, 2^cost.
    pub(crate) fn units(&self) -> u64 {
        match self {
            Self::Bcrypt(work) => units(work.cost),
            Self::Argon2id(work) => work.units(),
        }
    }

    /// The cost of bcrypt; `None` for argon2id. Jobs of the same cost can be computed together.
    pub(crate) const fn cost(&self) -> Option<Cost> {
        match self {
            Self::Bcrypt(work) => Some(work.cost),
            Self::Argon2id(_) => None,
        }
    }
}

/// The rounds of bcrypt at a cost.
pub(crate) fn units(cost: Cost) -> u64 {
    1 << cost.log2()
}

/// Computes jobs together, and encodes the digests as the scheme writes them. The jobs MUST be bcrypt of one cost, or a
/// single argon2id. A digest is `None` if it cannot be computed now. bcrypt calls `pause` about once per millisecond.
pub(crate) fn compute<'a>(works: impl Iterator<Item = &'a HashJob>, pause: fn()) -> Vec<Option<String>> {
    let (mut jobs, mut cost, mut others) = (Vec::new(), None, Vec::new());
    for work in works {
        match work {
            HashJob::Bcrypt(work) => {
                cost = Some(work.cost);
                jobs.push(Job { key: &work.key, salt: work.salt });
            }
            HashJob::Argon2id(work) => others.push(
                work.compute().inspect_err(|error| tracing::error!(%error, "could not compute an argon2id hash")).ok(),
            ),
        }
    }
    let digests = cost.map(|cost| bcrypt_lanes::bcrypt_with_pauses(cost, &jobs, pause)).unwrap_or_default();
    digests.iter().map(|digest| Some(bcrypt_lanes::base64::encode(digest))).chain(others).collect()
}

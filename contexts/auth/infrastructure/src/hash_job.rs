use crate::argon2id::Argon2idJob;
use crate::bcrypt::BcryptJob;
use auth_domain::PasswordHash;
use bcrypt_lanes::{Cost, Job};
use kernel::Secret;

/// One computation for the hashing threads.
pub(crate) enum HashJob {
    Bcrypt(BcryptJob),
    Argon2id(Argon2idJob),
}

/// Why a hash cannot be computed: a fault of the installation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashJobError {
    /// The system gives no random bytes.
    #[error("no randomness: {0}")]
    NoRandomness(getrandom::Error),
    /// A stored hash whose parts do not fit together.
    #[error("a stored password hash is malformed")]
    Malformed,
}

impl HashJob {
    /// For a stored hash: its own salt and parameters.
    pub(crate) fn verifying(hash: &PasswordHash, password: &Secret) -> Result<Self, HashJobError> {
        Ok(match hash {
            PasswordHash::Bcrypt(hash) => Self::Bcrypt(BcryptJob::verifying(hash, password)?),
            PasswordHash::Argon2id(hash) => Self::Argon2id(Argon2idJob::verifying(hash, password)?),
        })
    }

    /// How much it is, in rounds of bcrypt: 2^cost.
    pub(crate) fn units(&self) -> u64 {
        match self {
            Self::Bcrypt(work) => units(work.cost),
            Self::Argon2id(work) => work.units(),
        }
    }

    /// The cost, if it is bcrypt: what has the same can be computed together.
    pub(crate) const fn cost(&self) -> Option<Cost> {
        match self {
            Self::Bcrypt(work) => Some(work.cost),
            Self::Argon2id(_) => None,
        }
    }
}

/// The rounds of bcrypt at this cost.
pub(crate) fn units(cost: Cost) -> u64 {
    1 << cost.log2()
}

/// The digests, as the scheme writes them, of works that can be computed together: bcrypt at one cost, or one argon2id.
/// `None` for what cannot be computed now. bcrypt calls `pause` about once in a millisecond.
pub(crate) fn compute<'a>(works: impl Iterator<Item = &'a HashJob>, pause: fn()) -> Vec<Option<String>> {
    let (mut jobs, mut cost, mut others) = (Vec::new(), None, Vec::new());
    for work in works {
        match work {
            HashJob::Bcrypt(work) => {
                cost = Some(work.cost);
                jobs.push(Job { key: &work.key, salt: work.salt });
            }
            HashJob::Argon2id(work) => others
                .push(work.compute().inspect_err(|error| tracing::error!(%error, "argon2id cannot be computed")).ok()),
        }
    }
    let digests = cost.map(|cost| bcrypt_lanes::bcrypt_with_pauses(cost, &jobs, pause)).unwrap_or_default();
    digests.iter().map(|digest| Some(bcrypt_lanes::base64::encode(digest))).chain(others).collect()
}

//! Verifies passwords, with the same work for every failure.

use crate::HashPool;
use crate::hashing::bcrypt::{self, BcryptJob};
use crate::hashing::hash_job::HashJob;
use crate::hashing::hash_job_error::HashJobError;
use crate::hashing::hash_queue::Reservation;
use auth_domain::{BcryptCost, HashError, PasswordHash, normalised, spellings};
use identity::UserId;
use kernel::Secret;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use use_case::Unavailable;

/// The lowest cost of bcrypt.
const LOWEST: u8 = 4;

/// The stored hash of a user, not yet parsed.
pub(crate) struct StoredHash {
    pub(crate) user: UserId,
    pub(crate) hash: String,
}

/// A password was right: it has this hash.
pub(crate) struct PasswordMatch {
    pub(crate) hash: PasswordHash,
    reservation: Reservation,
}

/// Verifies passwords, and hashes new ones.
pub(crate) struct Verifier {
    pool: Arc<HashPool>,
    cost: BcryptCost,
}

/// What is compared: a stored hash, with one job for each spelling of the password.
struct Comparison {
    hash: PasswordHash,
    jobs: Vec<HashJob>,
}

/// The work of one verification. Every failure takes the same work: one hash of the target cost for each spelling of
/// the password, or what the stored hash takes, if that is more.
struct VerifyPlan {
    comparison: Option<Comparison>,
    /// The work that is done for nothing after a failure, in bcrypt rounds.
    padding: u64,
    /// The work to reserve beside the comparison, in bcrypt rounds: the padding, or a new hash after a success.
    reserve: u64,
}

/// Why a stored text cannot be verified. It does not quote the text.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    HashJob(#[from] HashJobError),
}

impl Verifier {
    /// `cost` is the cost of new passwords.
    pub(crate) const fn new(pool: Arc<HashPool>, cost: BcryptCost) -> Self {
        Self { pool, cost }
    }

    /// Whether a sign-in would be admitted now.
    pub(crate) fn check_capacity(&self) -> Result<(), Unavailable> {
        self.pool.check()
    }

    /// Verifies a password against what is stored; `None` for a wrong password.
    pub(crate) async fn matches(
        &self,
        stored: Option<&StoredHash>,
        password: &Secret,
    ) -> Result<Option<PasswordMatch>, Unavailable> {
        let spellings = spellings(password);
        let comparison = stored.and_then(|stored| Comparison::new(stored, &spellings));
        let plan = VerifyPlan::new(comparison, spellings.len(), self.cost);
        let mut reservation = self.pool.admit(plan.jobs(), plan.reserve)?;
        if let Some(comparison) = plan.comparison
            && let Some(hash) = comparison.run(&mut reservation).await?
        {
            return Ok(Some(PasswordMatch { hash, reservation }));
        }
        for cost in costs(plan.padding, self.cost.log2()) {
            let (job, _) = BcryptJob::new_hash(cost, password).map_err(Unavailable::retry_later)?;
            reservation.run(HashJob::Bcrypt(job)).await?;
        }
        Ok(None)
    }

    /// Hashes a verified password again, unless its hash is as good as a new one.
    pub(crate) async fn renewed(
        &self,
        fit: &mut PasswordMatch,
        password: &Secret,
    ) -> Result<Option<PasswordHash>, Unavailable> {
        match fit.hash.renewal(self.cost) {
            Some(cost) => hash_new(&mut fit.reservation, cost, password).await.map(Some),
            None => Ok(None),
        }
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: &Secret) -> Result<PasswordHash, Unavailable> {
        let mut reservation = self.pool.admit(&[], 1 << self.cost.log2())?;
        hash_new(&mut reservation, self.cost, password).await
    }
}

impl VerifyPlan {
    /// `target` is the cost of new passwords.
    fn new(comparison: Option<Comparison>, spellings: usize, target: BcryptCost) -> Self {
        let known: u64 = comparison.iter().flat_map(|comparison| &comparison.jobs).map(HashJob::units).sum();
        let due = u64::try_from(spellings).unwrap_or(1) << target.log2();
        let padding = due.saturating_sub(known);
        let renewal = comparison.as_ref().and_then(|comparison| comparison.hash.renewal(target));
        let reserve = padding.max(renewal.map_or(0, |cost| 1 << cost.log2()));
        Self { comparison, padding, reserve }
    }

    fn jobs(&self) -> &[HashJob] {
        self.comparison.as_ref().map_or(&[], |comparison| &comparison.jobs)
    }
}

impl Comparison {
    /// `None` for a hash that cannot be verified. The log says so; the client does not learn it.
    fn new(stored: &StoredHash, spellings: &[Secret]) -> Option<Self> {
        Self::read(&stored.hash, spellings)
            .inspect_err(
                |error| tracing::error!(user = %stored.user, %error, "a stored password hash cannot be verified"),
            )
            .ok()
    }

    fn read(stored: &str, spellings: &[Secret]) -> Result<Self, Unreadable> {
        let hash = PasswordHash::parse(stored)?;
        // Roster's own hashes are made from NFC, which is the last spelling.
        let skipped = if hash.is_ours() { spellings.len().saturating_sub(1) } else { 0 };
        // bcrypt takes `abc` and `abc\0abc` for one password. No policy accepts a NUL.
        let tried = spellings.iter().skip(skipped).filter(|spelling| !spelling.expose().contains('\0'));
        let jobs = tried.map(|spelling| HashJob::verifying(&hash, spelling)).collect::<Result<_, _>>()?;
        Ok(Self { hash, jobs })
    }

    /// Gives the stored hash if the password is right.
    async fn run(self, reservation: &mut Reservation) -> Result<Option<PasswordHash>, Unavailable> {
        let Self { hash, jobs } = self;
        for job in jobs {
            let digest = reservation.run(job).await?;
            if bool::from(digest.as_bytes().ct_eq(hash.expose_digest().as_bytes())) {
                return Ok(Some(hash));
            }
        }
        Ok(None)
    }
}

async fn hash_new(
    reservation: &mut Reservation,
    cost: BcryptCost,
    password: &Secret,
) -> Result<PasswordHash, Unavailable> {
    let password = normalised(password);
    let (work, salt) =
        bcrypt::lanes(cost).and_then(|cost| BcryptJob::new_hash(cost, &password)).map_err(Unavailable::retry_later)?;
    let digest = reservation.run(HashJob::Bcrypt(work)).await?;
    bcrypt::encode_hash(cost, &salt, &digest).map_err(Unavailable::retry_later)
}

/// The costs of hashes that together take this many rounds, none above the target.
fn costs(units: u64, target: u8) -> impl Iterator<Item = bcrypt_lanes::Cost> {
    let whole = usize::try_from(units >> target).unwrap_or(0);
    let rest = (LOWEST..target).rev().filter(move |bit| units >> bit & 1 == 1);
    std::iter::repeat_n(target, whole).chain(rest).filter_map(|cost| u32::from(cost).try_into().ok())
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;

//! Whether a password fits: the same work for everything that does not.

use crate::HashPool;
use crate::bcrypt::{self, BcryptJob};
use crate::hash_job::{HashJob, HashJobError};
use crate::hash_queue::Reservation;
use auth_domain::{BcryptCost, HashError, PasswordHash, normalised, spellings};
use kernel::{Secret, UserId};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use use_case::Unavailable;

/// bcrypt knows no lower cost.
const LOWEST: u8 = 4;

/// What is stored for somebody.
pub(crate) struct StoredHash {
    pub(crate) user: UserId,
    pub(crate) hash: String,
}

/// A password fitted this hash.
pub(crate) struct PasswordMatch {
    pub(crate) hash: PasswordHash,
    reservation: Reservation,
}

/// Verifies passwords, and hashes new ones.
pub(crate) struct Verifier {
    pool: Arc<HashPool>,
    cost: BcryptCost,
}

/// What is to be computed to verify a password.
struct VerifyPlan {
    hash: PasswordHash,
    works: Vec<HashJob>,
}

/// Why a stored text cannot be verified. It says nothing of the text.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    HashJob(#[from] HashJobError),
}

impl Verifier {
    /// `cost` is the one that new passwords get.
    pub(crate) const fn new(pool: Arc<HashPool>, cost: BcryptCost) -> Self {
        Self { pool, cost }
    }

    /// Whether the password fits what is stored. Whatever does not fit takes a hash of the target
    /// for each spelling of the password, or what is stored takes, if that is more.
    pub(crate) async fn matches(
        &self,
        stored: Option<&StoredHash>,
        password: &Secret,
    ) -> Result<Option<PasswordMatch>, Unavailable> {
        let spellings = spellings(password);
        let attempt = stored.and_then(|stored| VerifyPlan::new(stored, &spellings));
        let known: u64 = attempt.iter().flat_map(|attempt| &attempt.works).map(HashJob::units).sum();
        let missing = (u64::try_from(spellings.len()).unwrap_or(1) << self.cost.log2()).saturating_sub(known);
        let renewal = attempt.as_ref().and_then(|attempt| attempt.hash.renewal(self.cost));
        let more = missing.max(renewal.map_or(0, |cost| 1 << cost.log2()));
        let works = attempt.as_ref().map_or(&[][..], |attempt| &attempt.works);
        let mut reservation = self.pool.admit(works, more)?;

        if let Some(VerifyPlan { hash, works }) = attempt {
            for work in works {
                let digest = reservation.run(work).await?;
                if bool::from(digest.as_bytes().ct_eq(hash.expose_digest().as_bytes())) {
                    return Ok(Some(PasswordMatch { hash, reservation }));
                }
            }
        }
        for cost in costs(missing, self.cost.log2()) {
            let (work, _) = BcryptJob::new_hash(cost, password).map_err(Unavailable::retry_later)?;
            reservation.run(HashJob::Bcrypt(work)).await?;
        }
        Ok(None)
    }

    /// Hashes the password that fitted anew, unless its hash is as good as a new one.
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
    /// `None` for what cannot be verified: the operator is told, the person is not.
    fn new(stored: &StoredHash, spellings: &[Secret]) -> Option<Self> {
        Self::read(&stored.hash, spellings)
            .inspect_err(
                |error| tracing::error!(user = %stored.user, %error, "a stored password hash cannot be verified"),
            )
            .ok()
    }

    fn read(stored: &str, spellings: &[Secret]) -> Result<Self, Unreadable> {
        let hash = PasswordHash::parse(stored)?;
        // Ours was made of NFC, which is the last of them.
        let tried = if hash.is_ours() { spellings.len().saturating_sub(1) } else { 0 };
        // bcrypt takes `abc` and `abc\0abc` for one password. No policy lets a NUL through.
        let tried = spellings.iter().skip(tried).filter(|spelling| !spelling.expose().contains('\0'));
        let works = tried.map(|spelling| HashJob::verifying(&hash, spelling)).collect::<Result<_, _>>()?;
        Ok(Self { hash, works })
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

/// The costs of hashes that are so much work together, none above the target.
fn costs(units: u64, target: u8) -> impl Iterator<Item = bcrypt_lanes::Cost> {
    let whole = usize::try_from(units >> target).unwrap_or(0);
    let rest = (LOWEST..target).rev().filter(move |bit| units >> bit & 1 == 1);
    std::iter::repeat_n(target, whole).chain(rest).filter_map(|cost| u32::from(cost).try_into().ok())
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;

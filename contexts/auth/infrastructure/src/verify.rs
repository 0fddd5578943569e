//! Whether a password fits: the same work for everything that does not.

use crate::HashPool;
use crate::bcrypt::{self, BcryptWork};
use crate::line::Ticket;
use crate::spelling::{normalised, spellings};
use crate::work::{Work, WorkError};
use auth_domain::{Cost, HashError, PasswordHash};
use kernel::{Secret, UserId};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use use_case::Unavailable;

/// bcrypt knows no lower cost.
const LOWEST: u8 = 4;

/// What is stored for somebody.
pub(crate) struct Stored {
    pub(crate) user: UserId,
    pub(crate) hash: String,
}

/// A password fitted this hash.
pub(crate) struct Fit {
    pub(crate) hash: PasswordHash,
    ticket: Ticket,
}

/// Verifies passwords, and hashes new ones.
pub(crate) struct Verifier {
    pool: Arc<HashPool>,
    cost: Cost,
}

/// What is to be computed to verify a password.
struct Attempt {
    hash: PasswordHash,
    works: Vec<Work>,
}

/// Why a stored text cannot be verified. It says nothing of the text.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Verifier {
    /// `cost` is the one that new passwords get.
    pub(crate) const fn new(pool: Arc<HashPool>, cost: Cost) -> Self {
        Self { pool, cost }
    }

    /// Whether the password fits what is stored. Whatever does not fit takes a hash of the target
    /// for each spelling of the password, or what is stored takes, if that is more.
    pub(crate) async fn fits(&self, stored: Option<&Stored>, password: &Secret) -> Result<Option<Fit>, Unavailable> {
        let spellings = spellings(password);
        let attempt = stored.and_then(|stored| Attempt::at(stored, &spellings));
        let known: u64 = attempt.iter().flat_map(|attempt| &attempt.works).map(Work::units).sum();
        let missing = (u64::try_from(spellings.len()).unwrap_or(1) << self.cost.log2()).saturating_sub(known);
        let renewal = attempt.as_ref().and_then(|attempt| attempt.hash.renewal(self.cost));
        let more = missing.max(renewal.map_or(0, |cost| 1 << cost.log2()));
        let works = attempt.as_ref().map_or(&[][..], |attempt| &attempt.works);
        let mut ticket = self.pool.admit(works, more)?;

        if let Some(Attempt { hash, works }) = attempt {
            for work in works {
                let digest = ticket.run(work).await?;
                if bool::from(digest.as_bytes().ct_eq(hash.expose_digest().as_bytes())) {
                    return Ok(Some(Fit { hash, ticket }));
                }
            }
        }
        for cost in costs(missing, self.cost.log2()) {
            let (work, _) = BcryptWork::anew(cost, password).map_err(Unavailable::for_now)?;
            ticket.run(Work::Bcrypt(work)).await?;
        }
        Ok(None)
    }

    /// Hashes the password that fitted anew, unless its hash is as good as a new one.
    pub(crate) async fn renewed(&self, fit: &mut Fit, password: &Secret) -> Result<Option<PasswordHash>, Unavailable> {
        match fit.hash.renewal(self.cost) {
            Some(cost) => anew(&mut fit.ticket, cost, password).await.map(Some),
            None => Ok(None),
        }
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: &Secret) -> Result<PasswordHash, Unavailable> {
        let mut ticket = self.pool.admit(&[], 1 << self.cost.log2())?;
        anew(&mut ticket, self.cost, password).await
    }
}

impl Attempt {
    /// `None` for what cannot be verified: the operator is told, the person is not.
    fn at(stored: &Stored, spellings: &[Secret]) -> Option<Self> {
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
        let works = tried.map(|spelling| Work::again(&hash, spelling)).collect::<Result<_, _>>()?;
        Ok(Self { hash, works })
    }
}

async fn anew(ticket: &mut Ticket, cost: Cost, password: &Secret) -> Result<PasswordHash, Unavailable> {
    let password = normalised(password);
    let (work, salt) =
        bcrypt::lanes(cost).and_then(|cost| BcryptWork::anew(cost, &password)).map_err(Unavailable::for_now)?;
    let digest = ticket.run(Work::Bcrypt(work)).await?;
    bcrypt::ours(cost, &salt, &digest).map_err(Unavailable::for_now)
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

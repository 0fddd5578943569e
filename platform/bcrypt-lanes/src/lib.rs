//! Several bcrypt hashes at once on one core.
//!
//! One bcrypt is a chain of loads that wait for one another, so a core idles most of the time.
//! Here up to [`MAX_LANES`] independent computations take turns, round by round, in plain scalar
//! code: each result is bit for bit that of bcrypt (N. Provos and D. Mazières, "A Future-Adaptable
//! Password Scheme", 1999), and a batch of three takes little longer than one alone.
//!
//! The crate computes the primitive only: keys and salts in, digests out. The caller handles formats of stored
//! hashes, comparison in constant time and the choice of a salt.

mod cost;
mod lanes;
mod pi;

pub mod base64;

pub use cost::{Cost, CostOutOfRange};

/// The maximum number of hashes computed at once. Six and eight were measured, and are slower per hash.
pub const MAX_LANES: usize = 5;

/// The 23 bytes of a bcrypt hash. (The cipher yields 24; every implementation drops the last.)
pub type Digest = [u8; 23];

/// One hash to be computed.
///
/// It has no `Debug`: the key is a password.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The password, *without* a trailing NUL, which is added here as `$2b$` requires. Bytes after the 72nd change
    /// nothing. bcrypt repeats the key with its NUL, so `abc` and `abc\0abc` are one key: hash a digest, or refuse
    /// NUL.
    pub key: &'a [u8],
    /// The salt, from a secure source of randomness.
    pub salt: [u8; 16],
}

/// Computes the bcrypt digest of every job, in the order given.
///
/// Jobs run in groups of [`MAX_LANES`]; the last group has as many lanes as jobs are left. Blocks for the whole time:
/// at cost 12 some tenths of a second per group.
#[must_use]
pub fn bcrypt(cost: Cost, jobs: &[Job<'_>]) -> Vec<Digest> {
    bcrypt_with_pauses(cost, jobs, || {})
}

/// Like [`bcrypt`], but calls `pause` every eight rounds, about once per millisecond. A thread with low priority can
/// sleep for a moment there.
#[must_use]
pub fn bcrypt_with_pauses(cost: Cost, jobs: &[Job<'_>], pause: impl Fn()) -> Vec<Digest> {
    let mut digests = Vec::with_capacity(jobs.len());
    let (groups, rest) = jobs.as_chunks::<MAX_LANES>();
    for group in groups {
        digests.extend(lanes::digests(cost, group, &pause));
    }
    match *rest {
        [] => {}
        [a] => digests.extend(lanes::digests(cost, &[a], &pause)),
        [a, b] => digests.extend(lanes::digests(cost, &[a, b], &pause)),
        [a, b, c] => digests.extend(lanes::digests(cost, &[a, b, c], &pause)),
        [a, b, c, d, ..] => digests.extend(lanes::digests(cost, &[a, b, c, d], &pause)),
    }
    digests
}

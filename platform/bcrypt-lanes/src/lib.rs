//! Several bcrypt hashes at once on one core.
//!
//! One bcrypt is a chain of loads that wait for one another, so a core idles most of the time.
//! Here up to [`MAX_LANES`] independent computations take turns, round by round, in plain scalar
//! code: each result is bit for bit that of bcrypt (N. Provos and D. Mazières, "A Future-Adaptable
//! Password Scheme", 1999), and three take little longer than one alone.
//!
//! The crate computes the primitive only: keys and salts in, digests out. The caller handles formats of stored
//! hashes, comparison in constant time and the choice of a salt.

mod cost;
mod lanes;
mod pi;

pub mod base64;

pub use cost::{Cost, CostOutOfRange};
pub use lanes::Lanes;

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
/// Blocks for the whole time: at cost 12 some tenths of a second for every [`MAX_LANES`] jobs.
#[must_use]
pub fn bcrypt(cost: Cost, jobs: &[Job<'_>]) -> Vec<Digest> {
    let (mut lanes, mut digests, mut begun) = (Lanes::default(), vec![[0; 23]; jobs.len()], 0);
    loop {
        while let Some(job) = jobs.get(begun).filter(|_| !lanes.is_full()) {
            lanes.begin(cost, job, begun);
            begun += 1;
        }
        if lanes.is_empty() {
            return digests;
        }
        lanes.advance(|at, digest| digests[at] = digest);
    }
}

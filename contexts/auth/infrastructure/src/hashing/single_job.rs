use crate::hashing::hash_job_error::HashJobError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// A hash of another scheme than bcrypt. One thread computes it alone.
pub(crate) trait SingleJob: Send {
    /// The work, in units: rounds of bcrypt that take about as long.
    fn units(&self) -> u64;

    /// Whether the job takes megabytes of memory. Only one such job runs at a time.
    fn is_memory_hard(&self) -> bool {
        false
    }

    /// Computes the digest, encoded as the scheme writes it.
    fn compute(&self) -> Result<String, SingleJobError>;
}

/// Why a hash cannot be computed now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SingleJobError {
    #[error("not enough memory for a password hash: {0}")]
    NoMemory(#[from] std::collections::TryReserveError),
    #[error(transparent)]
    Refused(#[from] HashJobError),
}

/// Encodes a digest in the base64 of PHC strings.
pub(crate) fn encode(digest: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD_NO_PAD.encode(digest)
}

/// Encodes bytes in the base64 of crypt(3): 6 bits a digit, the lowest first.
pub(crate) fn encode_for_crypt(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let group = |group: &[u8]| {
        let bits = group.iter().rev().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        (0..=group.len()).map(move |digit| char::from(DIGITS[bits >> (6 * digit) & 63])).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

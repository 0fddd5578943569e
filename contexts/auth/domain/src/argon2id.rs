use crate::{HashError, base64};
use std::fmt;

/// 128 MiB. Only one hash is computed at a time, so that any machine has enough memory.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
/// Ten passes over 128 MiB take a little longer than bcrypt with cost 14.
const MAX_PASSES: u32 = 10;
/// Lanes are computed one after another, so that more lanes cost no more. Django uses 8.
const MAX_LANES: u32 = 16;

/// An imported argon2id hash (RFC 9106), version 19, as the PHC string
/// `$argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<digest>`.
///
/// Bounds: at most 128 MiB, 10 passes and 16 lanes; a salt of 8 to 64 bytes; a digest of 16 to 64 bytes. So a stored
/// hash cannot overload the machine.
#[derive(Clone)]
pub struct Argon2id {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    digest: String,
}

impl Argon2id {
    /// Parses a hash. It also accepts other spellings of the numbers, which the caller MUST refuse.
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let ([memory_kib, passes, lanes], salt, digest) = parts(text).ok_or(HashError::Malformed)?;
        let bytes = |text| base64::bytes(text, base64::COMMON).ok_or(HashError::Malformed);
        let within = (1..=MAX_LANES).contains(&lanes)
            && (8 * lanes..=MAX_MEMORY_KIB).contains(&memory_kib)
            && (1..=MAX_PASSES).contains(&passes)
            && (8..=64).contains(&bytes(salt)?)
            && (16..=64).contains(&bytes(digest)?);
        if !within {
            return Err(HashError::OutOfBounds);
        }
        Ok(Self { memory_kib, passes, lanes, salt: salt.to_owned(), digest: digest.to_owned() })
    }

    /// The memory in KiB: at least 8 for each lane, at most 131,072.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// The passes over the memory: 1 to 10.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// The lanes that the memory is divided into: 1 to 16.
    #[must_use]
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    /// The salt in base64 without padding.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The digest in base64 without padding. Callers MUST compare it in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn expose(&self) -> String {
        let Self { memory_kib, passes, lanes, salt, digest } = self;
        format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${digest}")
    }
}

/// Splits a hash into memory, passes and lanes; the salt; and the digest.
fn parts(text: &str) -> Option<([u32; 3], &str, &str)> {
    let rest = text.strip_prefix("$argon2id$v=19$m=")?;
    let (memory, rest) = rest.split_once(",t=")?;
    let (passes, rest) = rest.split_once(",p=")?;
    let (lanes, rest) = rest.split_once('$')?;
    let (salt, digest) = rest.split_once('$')?;
    Some(([memory.parse().ok()?, passes.parse().ok()?, lanes.parse().ok()?], salt, digest))
}

impl fmt::Debug for Argon2id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2id")
            .field("memory_kib", &self.memory_kib)
            .field("passes", &self.passes)
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "argon2id_tests.rs"]
mod tests;

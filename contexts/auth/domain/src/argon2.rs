use crate::hash_text::{LONGEST_SALT, fields, number, parameters};
use crate::{HashError, base64};
use std::fmt;

/// 128 MiB. Only one hash is computed at a time, so that any machine has enough memory.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
/// Ten passes over 128 MiB take a little longer than bcrypt with cost 14.
const MAX_PASSES: u32 = 10;
/// Lanes are computed one after another, so that more lanes cost no more. Django uses 8.
const MAX_LANES: u32 = 16;

/// An imported argon2id or argon2i hash (RFC 9106), version 19, as the PHC string
/// `$argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<digest>`. Django writes `argon2` before it.
///
/// Bounds: at most 128 MiB, 10 passes and 16 lanes; a salt of 8 to 64 bytes; a digest of 16 to 64 bytes. So a stored
/// hash cannot overload the machine.
#[derive(Clone)]
pub struct Argon2 {
    variant: Argon2Variant,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    digest: String,
}

/// The order in which argon2 reads its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argon2Variant {
    /// argon2i, independent of the password.
    I,
    /// argon2id, independent of the password at first.
    Id,
}

impl Argon2 {
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let [_, variant, version, costs, salt, digest] = fields(text.strip_prefix("argon2").unwrap_or(text))?;
        let variant = match (variant, version) {
            ("argon2id", "v=19") => Argon2Variant::Id,
            ("argon2i", "v=19") => Argon2Variant::I,
            _ => return Err(HashError::Unsupported),
        };
        let [memory_kib, passes, lanes] = parameters(costs, ["m", "t", "p"])?.map(number);
        let (memory_kib, passes, lanes) = (memory_kib?, passes?, lanes?);
        if memory_kib > MAX_MEMORY_KIB || passes > MAX_PASSES || lanes > MAX_LANES {
            return Err(HashError::TooCostly);
        }
        let decode = |text| base64::decode(text).ok_or(HashError::Malformed);
        let (salt, digest) = (decode(salt)?, decode(digest)?);
        let is_possible = lanes > 0
            && passes > 0
            && memory_kib >= 8 * lanes
            && (8..=LONGEST_SALT).contains(&salt.len())
            && (16..=64).contains(&digest.len());
        let hash = Self { variant, memory_kib, passes, lanes, salt, digest: base64::encode(&digest) };
        if is_possible { Ok(hash) } else { Err(HashError::Malformed) }
    }

    /// The variant.
    #[must_use]
    pub const fn variant(&self) -> Argon2Variant {
        self.variant
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

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The length of the digest in bytes: 16 to 64.
    #[must_use]
    pub const fn digest_bytes(&self) -> usize {
        self.digest.len() * 3 / 4
    }

    /// The digest in base64 without padding. Callers MUST compare it in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn expose(&self) -> String {
        let Self { variant, memory_kib, passes, lanes, salt, digest } = self;
        let variant = match variant {
            Argon2Variant::I => "argon2i",
            Argon2Variant::Id => "argon2id",
        };
        format!("${variant}$v=19$m={memory_kib},t={passes},p={lanes}${}${digest}", base64::encode(salt))
    }
}

impl fmt::Debug for Argon2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2")
            .field("variant", &self.variant)
            .field("memory_kib", &self.memory_kib)
            .field("passes", &self.passes)
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "argon2_tests.rs"]
mod tests;

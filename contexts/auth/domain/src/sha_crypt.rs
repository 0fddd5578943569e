use crate::HashError;
use crate::hash_text::{is_of_crypt, number};
use std::fmt;

/// Implied where a text has no rounds.
const DEFAULT_ROUNDS: u32 = 5_000;
/// passlib uses 656,000.
const MAX_ROUNDS: u32 = 700_000;

/// An imported SHA-crypt hash, as Linux and passlib write it: `$5$rounds=<rounds>$<salt>$<digest>` with SHA-256, or `$6$`
/// with SHA-512. The default of 5,000 rounds is not written.
///
/// Bounds: 1,000 to 700,000 rounds; a salt of 1 to 16 characters.
#[derive(Clone)]
pub struct ShaCrypt {
    variant: ShaCryptVariant,
    rounds: u32,
    salt: String,
    digest: String,
}

/// The hash function of SHA-crypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShaCryptVariant {
    /// `$5$`
    Sha256,
    /// `$6$`
    Sha512,
}

impl ShaCrypt {
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let (variant, rest, characters) = if let Some(rest) = text.strip_prefix("$5$") {
            (ShaCryptVariant::Sha256, rest, 43)
        } else {
            (ShaCryptVariant::Sha512, text.strip_prefix("$6$").ok_or(HashError::Unsupported)?, 86)
        };
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(rest) => rest
                .split_once('$')
                .ok_or(HashError::Malformed)
                .and_then(|(rounds, rest)| Ok((number(rounds)?, rest)))?,
            None => (DEFAULT_ROUNDS, rest),
        };
        let (salt, digest) = rest.split_once('$').ok_or(HashError::Malformed)?;
        if rounds > MAX_ROUNDS {
            return Err(HashError::TooCostly);
        }
        let is_possible = rounds >= 1_000
            && (1..=16).contains(&salt.len())
            && is_of_crypt(salt, salt.len())
            && is_of_crypt(digest, characters);
        let hash = Self { variant, rounds, salt: salt.to_owned(), digest: digest.to_owned() };
        if is_possible { Ok(hash) } else { Err(HashError::Malformed) }
    }

    /// The variant.
    #[must_use]
    pub const fn variant(&self) -> ShaCryptVariant {
        self.variant
    }

    /// The rounds: 1,000 to 700,000.
    #[must_use]
    pub const fn rounds(&self) -> u32 {
        self.rounds
    }

    /// The salt, which is used as text.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The digest in the base64 of crypt(3). Callers MUST compare it in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn expose(&self) -> String {
        let Self { variant, rounds, salt, digest } = self;
        let variant = match variant {
            ShaCryptVariant::Sha256 => 5,
            ShaCryptVariant::Sha512 => 6,
        };
        match *rounds {
            DEFAULT_ROUNDS => format!("${variant}${salt}${digest}"),
            rounds => format!("${variant}$rounds={rounds}${salt}${digest}"),
        }
    }
}

impl fmt::Debug for ShaCrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShaCrypt").field("variant", &self.variant).field("rounds", &self.rounds).finish_non_exhaustive()
    }
}

use crate::{Argon2id, Bcrypt, BcryptCost, BcryptCostOutOfRange, BcryptFormat};

/// The stored hash of a password, in any format that a sign-in can verify. It has no `==`, because hashes must be
/// compared in constant time.
#[derive(Debug, Clone)]
pub enum PasswordHash {
    /// The format for new passwords, and imported formats.
    Bcrypt(Bcrypt),
    /// Imported only.
    Argon2id(Argon2id),
}

/// Why a text is not a hash that can be verified. The messages reveal nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// An unknown scheme, or not exactly its format.
    #[error("not a password hash of a known scheme")]
    Malformed,
    /// The cost is too low to be safe, or would take too long.
    #[error(transparent)]
    BcryptCost(#[from] BcryptCostOutOfRange),
    /// The parameters of argon2id are too low to be safe, or would take too much time or memory.
    #[error("the parameters of an argon2id hash are out of bounds")]
    OutOfBounds,
}

impl PasswordHash {
    /// Parses a stored hash. Only the exact format of a known scheme is accepted, so that each hash has one spelling.
    ///
    /// # Errors
    /// [`HashError`]
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let hash = if text.starts_with("$argon2id$") {
            Self::Argon2id(Argon2id::parse(text)?)
        } else {
            Self::Bcrypt(Bcrypt::parse(text)?)
        };
        // Refuse other spellings of a number, such as `+12` and `012`.
        if hash.expose() == text { Ok(hash) } else { Err(HashError::Malformed) }
    }

    /// The text to store. Reviewers should look at every call.
    #[must_use]
    pub fn expose(&self) -> String {
        match self {
            Self::Bcrypt(hash) => hash.expose(),
            Self::Argon2id(hash) => hash.expose(),
        }
    }

    /// The digest in the base64 of its scheme. Callers MUST compare it in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        match self {
            Self::Bcrypt(hash) => hash.expose_digest(),
            Self::Argon2id(hash) => hash.expose_digest(),
        }
    }

    /// Whether the hash has our format, in which new passwords are stored.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Bcrypt(hash) if hash.form() == BcryptFormat::Sha256V2)
    }

    /// The cost with which to hash the password again at the next sign-in, if new passwords get `target`. It is never
    /// lower than the cost of the hash. `None` if the hash has our format and at least the cost `target`.
    #[must_use]
    pub fn renewal(&self, target: BcryptCost) -> Option<BcryptCost> {
        match self {
            Self::Bcrypt(hash) if self.is_ours() && hash.cost() >= target => None,
            Self::Bcrypt(hash) => Some(hash.cost().max(target)),
            Self::Argon2id(_) => Some(target),
        }
    }
}

impl From<Bcrypt> for PasswordHash {
    fn from(hash: Bcrypt) -> Self {
        Self::Bcrypt(hash)
    }
}

#[cfg(test)]
#[path = "password_hash_tests.rs"]
mod tests;

use crate::{Argon2id, Bcrypt, BcryptCost, BcryptCostOutOfRange, BcryptFormat};

/// A password's hash as it is stored: every form that a sign-in verifies. Has no `==`: hashes are
/// compared in constant time.
#[derive(Debug, Clone)]
pub enum PasswordHash {
    /// Ours, and imported ones.
    Bcrypt(Bcrypt),
    /// Imported.
    Argon2id(Argon2id),
}

/// Why a text is no hash that can be verified. It says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// No known scheme, or not exactly its form.
    #[error("not a password hash of a known scheme")]
    Malformed,
    /// A cost that is too weak, or takes too long.
    #[error(transparent)]
    BcryptCost(#[from] BcryptCostOutOfRange),
    /// argon2id that is too weak, or takes too much.
    #[error("the parameters of an argon2id hash are out of bounds")]
    OutOfBounds,
}

impl PasswordHash {
    /// Reads a stored hash; only the exact form of a known scheme is taken, so that a hash has one text.
    ///
    /// # Errors
    /// [`HashError`]
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let hash = if text.starts_with("$argon2id$") {
            Self::Argon2id(Argon2id::parse(text)?)
        } else {
            Self::Bcrypt(Bcrypt::parse(text)?)
        };
        // Not `+12`, not `012`.
        if hash.expose() == text { Ok(hash) } else { Err(HashError::Malformed) }
    }

    /// The text to be stored. Every call is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> String {
        match self {
            Self::Bcrypt(hash) => hash.expose(),
            Self::Argon2id(hash) => hash.expose(),
        }
    }

    /// The digest in the base64 of its scheme, to be compared in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        match self {
            Self::Bcrypt(hash) => hash.expose_digest(),
            Self::Argon2id(hash) => hash.expose_digest(),
        }
    }

    /// Whether it has our form, that of new passwords.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Bcrypt(hash) if hash.form() == BcryptFormat::Sha256V2)
    }

    /// With which cost the password is to be hashed anew, once it is known, if new passwords get
    /// `target`. `None` when the hash is as good as a new one: our form, and no lower cost.
    /// Never a lower cost than the hash has.
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

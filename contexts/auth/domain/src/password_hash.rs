use crate::{Argon2, Bcrypt, BcryptCost, BcryptFormat, FirebaseScrypt, Pbkdf2, PepperedBcrypt, Phpass, Scrypt};
use crate::{ShaCrypt, WrappedDigest};

/// The stored hash of a password, in any format that a sign-in can verify. It has no `==`, because hashes must be
/// compared in constant time.
#[derive(Debug, Clone)]
pub enum PasswordHash {
    /// The format for new passwords, and imported formats.
    Bcrypt(Bcrypt),
    /// Imported only, like all that follow.
    PepperedBcrypt(PepperedBcrypt),
    /// An unsafe digest, wrapped in bcrypt when it was imported.
    WrappedDigest(WrappedDigest),
    /// argon2id and argon2i.
    Argon2(Argon2),
    /// PBKDF2 with SHA-1, SHA-256 or SHA-512.
    Pbkdf2(Pbkdf2),
    /// scrypt.
    Scrypt(Scrypt),
    /// Firebase's variant of scrypt.
    FirebaseScrypt(FirebaseScrypt),
    /// SHA-crypt with SHA-256 or SHA-512.
    ShaCrypt(ShaCrypt),
    /// phpass.
    Phpass(Phpass),
}

/// Why a text is not a hash that can be verified. The messages reveal nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// An unknown scheme, or a variant of a scheme that is not supported.
    #[error("the password hash has no supported format")]
    Unsupported,
    /// Not exactly the format of its scheme.
    #[error("the password hash does not follow its format")]
    Malformed,
    /// Verifying it would take too much time or memory.
    #[error("the parameters of the password hash are too costly to verify it")]
    TooCostly,
    /// The cost of bcrypt is too low to be safe.
    #[error("the cost of a bcrypt hash must be at least 10")]
    TooWeak,
}

impl HashError {
    /// The stable code of the error, for the report of an import.
    #[must_use]
    pub const fn import_code(self) -> &'static str {
        match self {
            Self::Unsupported => "password_hash_unsupported",
            Self::Malformed => "password_hash_invalid",
            Self::TooCostly => "password_hash_too_costly",
            Self::TooWeak => "password_hash_too_weak",
        }
    }
}

/// Reads a text that begins with a certain prefix.
type Reader = fn(&str) -> Result<PasswordHash, HashError>;

/// The prefixes of all formats. A prefix MUST come before another one that it begins with.
const READERS: [(&[&str], Reader); 9] = [
    (&["$bcrypt-pepper$"], |text| PepperedBcrypt::parse(text).map(PasswordHash::PepperedBcrypt)),
    (&["$wrapped$"], |text| WrappedDigest::parse(text).map(PasswordHash::WrappedDigest)),
    (&["$2", "$bcrypt-sha256$", "bcrypt_sha256$", "bcrypt$", "$wp$"], |text| {
        Bcrypt::parse(text).map(PasswordHash::Bcrypt)
    }),
    (&["$argon2", "argon2$"], |text| Argon2::parse(text).map(PasswordHash::Argon2)),
    (&["$pbkdf2", "pbkdf2_"], |text| Pbkdf2::parse(text).map(PasswordHash::Pbkdf2)),
    (&["$scrypt", "scrypt$"], |text| Scrypt::parse(text).map(PasswordHash::Scrypt)),
    (&["$firescrypt$", "$fbscrypt$"], |text| FirebaseScrypt::parse(text).map(PasswordHash::FirebaseScrypt)),
    (&["$5$", "$6$"], |text| ShaCrypt::parse(text).map(PasswordHash::ShaCrypt)),
    (&["$P$", "$H$"], |text| Phpass::parse(text).map(PasswordHash::Phpass)),
];

impl PasswordHash {
    /// Parses a stored hash. Only the exact text that Roster stores is accepted, so that each hash has one spelling.
    ///
    /// # Errors
    /// [`HashError`]
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let hash = Self::parse_imported(text)?;
        // Refuse formats that an import converts, and other spellings of a number, such as `012`.
        if hash.expose() == text { Ok(hash) } else { Err(HashError::Malformed) }
    }

    /// Parses a hash in the format of any system that Roster imports from. [`expose`](Self::expose) gives the text to
    /// store, which may be another spelling.
    ///
    /// # Errors
    /// [`HashError`]
    pub fn parse_imported(text: &str) -> Result<Self, HashError> {
        let known = READERS.iter().find(|(prefixes, _)| prefixes.iter().any(|prefix| text.starts_with(prefix)));
        match known {
            Some((_, read)) => read(text),
            None => Scrypt::parse_better_auth(text).map(Self::Scrypt),
        }
    }

    /// The text to store. Reviewers should look at every call.
    #[must_use]
    pub fn expose(&self) -> String {
        match self {
            Self::Bcrypt(hash) => hash.expose(),
            Self::PepperedBcrypt(hash) => hash.expose(),
            Self::WrappedDigest(hash) => hash.expose(),
            Self::Argon2(hash) => hash.expose(),
            Self::Pbkdf2(hash) => hash.expose(),
            Self::Scrypt(hash) => hash.expose(),
            Self::FirebaseScrypt(hash) => hash.expose(),
            Self::ShaCrypt(hash) => hash.expose(),
            Self::Phpass(hash) => hash.expose(),
        }
    }

    /// The digest in the base64 of its scheme. Callers MUST compare it in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        match self {
            Self::Bcrypt(hash) => hash.expose_digest(),
            Self::PepperedBcrypt(hash) => hash.bcrypt().expose_digest(),
            Self::WrappedDigest(hash) => hash.bcrypt().expose_digest(),
            Self::Argon2(hash) => hash.expose_digest(),
            Self::Pbkdf2(hash) => hash.expose_digest(),
            Self::Scrypt(hash) => hash.expose_digest(),
            Self::FirebaseScrypt(hash) => hash.expose_digest(),
            Self::ShaCrypt(hash) => hash.expose_digest(),
            Self::Phpass(hash) => hash.expose_digest(),
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
        let cost = match self {
            Self::Bcrypt(hash) => hash.cost(),
            Self::PepperedBcrypt(hash) => hash.bcrypt().cost(),
            Self::WrappedDigest(hash) => hash.bcrypt().cost(),
            _ => return Some(target),
        };
        (!self.is_ours() || cost < target).then(|| cost.max(target))
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

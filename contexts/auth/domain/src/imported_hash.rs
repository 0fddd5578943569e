use crate::{HashError, PasswordHash, WeakDigest};

/// A password hash as another system exports it: ready to be stored, or first to be wrapped in bcrypt.
#[derive(Debug, Clone)]
pub enum ImportedHash {
    /// A hash to store as it is.
    Ready(PasswordHash),
    /// A digest that MUST NOT be stored for sign-ins: graphics cards guess billions a second.
    Weak(WeakDigest),
}

impl ImportedHash {
    /// Parses the text of an import. Every format that [`PasswordHash`] and [`WeakDigest`] read is accepted.
    ///
    /// # Errors
    /// [`HashError`]
    pub fn parse(text: &str) -> Result<Self, HashError> {
        match WeakDigest::parse(text)? {
            Some(digest) => Ok(Self::Weak(digest)),
            None => PasswordHash::parse_imported(text).map(Self::Ready),
        }
    }
}

#[cfg(test)]
#[path = "imported_hash_tests.rs"]
mod tests;

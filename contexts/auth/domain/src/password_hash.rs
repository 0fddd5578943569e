use std::fmt;

/// Where a base64 digit of bcrypt stands in this list is its value.
const ALPHABET: &str = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// 16 bytes in base64: 4 bits of the last character are unused.
const SALT: (usize, usize) = (22, 16);
/// 23 bytes in base64: 2 bits of the last character are unused.
const DIGEST: (usize, usize) = (31, 4);

/// The cost of a bcrypt hash, the base-2 logarithm of its rounds: 10 to 15, configured, stored or
/// imported. A stored cost of 31 would hold a thread for a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(u8);

/// A cost below 10 or above 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cost of a password hash must be 10 to 15")]
pub struct CostOutOfRange;

/// A password's hash as it is stored, by scheme. Has no `==`: hashes are compared in constant time.
#[derive(Debug, Clone)]
pub enum PasswordHash {
    /// Ours, and passlib's bcrypt-sha256 version 2.
    BcryptSha256(BcryptSha256),
}

/// bcrypt over base64 of HMAC-SHA256, keyed with the salt's text, of the password:
/// `$bcrypt-sha256$v=2,t=2b,r=<cost>$<salt>$<digest>`.
#[derive(Clone)]
pub struct BcryptSha256 {
    cost: Cost,
    salt: String,
    digest: String,
}

/// Why a text is no hash that can be verified. It says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// No known scheme, or not exactly its form.
    #[error("not a password hash of a known scheme")]
    Malformed,
    /// A cost that is too weak, or takes too long.
    #[error(transparent)]
    Cost(#[from] CostOutOfRange),
}

impl Cost {
    /// The logarithm, 10 to 15.
    #[must_use]
    pub const fn log2(self) -> u8 {
        self.0
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self(12)
    }
}

impl TryFrom<u8> for Cost {
    type Error = CostOutOfRange;
    fn try_from(log2: u8) -> Result<Self, CostOutOfRange> {
        if (10..=15).contains(&log2) { Ok(Self(log2)) } else { Err(CostOutOfRange) }
    }
}

impl PasswordHash {
    /// Reads a stored hash; only the exact form of a known scheme is taken.
    ///
    /// # Errors
    /// [`HashError`]
    pub fn parse(text: &str) -> Result<Self, HashError> {
        BcryptSha256::parse(text).map(Self::BcryptSha256)
    }

    /// The text to be stored. Every call is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> String {
        match self {
            Self::BcryptSha256(hash) => hash.expose(),
        }
    }
}

impl BcryptSha256 {
    /// Puts a computed hash together: salt and digest in bcrypt's base64.
    ///
    /// # Errors
    /// [`HashError::Malformed`] unless they are base64 of 16 and of 23 bytes, unused bits zero.
    pub fn try_new(cost: Cost, salt: &str, digest: &str) -> Result<Self, HashError> {
        if !is_base64(salt, SALT) || !is_base64(digest, DIGEST) {
            return Err(HashError::Malformed);
        }
        Ok(Self { cost, salt: salt.to_owned(), digest: digest.to_owned() })
    }

    fn parse(text: &str) -> Result<Self, HashError> {
        let rest = text.strip_prefix("$bcrypt-sha256$v=2,t=2b,r=").ok_or(HashError::Malformed)?;
        let (cost, rest) = rest.split_once('$').ok_or(HashError::Malformed)?;
        let (salt, digest) = rest.split_once('$').ok_or(HashError::Malformed)?;
        let log2: u8 = cost.parse().map_err(|_| HashError::Malformed)?;
        // Not `+12`, not `012`: one hash has one spelling.
        if cost != log2.to_string() {
            return Err(HashError::Malformed);
        }
        Self::try_new(Cost::try_from(log2)?, salt, digest)
    }

    /// Its cost.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    /// The 22 characters of the salt: the key of the HMAC as they are, and bcrypt's salt decoded.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The 31 characters of the digest, to be compared in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        &self.digest
    }

    fn expose(&self) -> String {
        format!("$bcrypt-sha256$v=2,t=2b,r={}${}${}", self.cost.0, self.salt, self.digest)
    }
}

impl fmt::Debug for BcryptSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BcryptSha256").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl From<BcryptSha256> for PasswordHash {
    fn from(hash: BcryptSha256) -> Self {
        Self::BcryptSha256(hash)
    }
}

/// Of the given length, the last value a multiple of what its used bits are worth.
fn is_base64(text: &str, (length, unit): (usize, usize)) -> bool {
    let last = text.chars().next_back().and_then(|character| ALPHABET.find(character));
    text.len() == length
        && text.chars().all(|character| ALPHABET.contains(character))
        && last.is_some_and(|value| value % unit == 0)
}

#[cfg(test)]
#[path = "password_hash_tests.rs"]
mod tests;

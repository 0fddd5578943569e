use crate::hash_text::{LONGEST_SALT, fields, number, parameters};
use crate::{HashError, base64};
use std::fmt;
use std::num::NonZeroU32;

/// Django 6 uses 1,200,000.
const MAX_ITERATIONS: u32 = 2_000_000;

/// An imported PBKDF2 hash (RFC 8018), as the text `$pbkdf2-<prf>$i=<iterations>,l=<bytes>$<salt>$<digest>`.
///
/// An import also reads Django's `pbkdf2_<prf>$<iterations>$<salt>$<digest>`, passlib's
/// `$pbkdf2-<prf>$<iterations>$<salt>$<digest>`, and our text without `l`.
///
/// Bounds: at most 2,000,000 iterations; a salt of 1 to 64 bytes; a digest of at least 16 bytes. Only the first block of
/// a longer digest is stored: each block is computed by itself, so that one suffices, and more would only cost time.
#[derive(Clone)]
pub struct Pbkdf2 {
    prf: Prf,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    digest: String,
}

/// The pseudorandom function of PBKDF2: HMAC with a hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prf {
    /// HMAC-SHA-1, the default of RFC 8018.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl Pbkdf2 {
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        if let Some(django) = text.strip_prefix("pbkdf2_") {
            let [prf, iterations, salt, digest] = fields(django)?;
            return Self::new(prf, number(iterations)?, salt.into(), decode(digest)?);
        }
        let [_, scheme, costs, salt, digest] = fields(text)?;
        // passlib omits the name of SHA-1.
        let prf = scheme.strip_prefix("pbkdf2-").or((scheme == "pbkdf2").then_some("sha1"));
        let prf = prf.ok_or(HashError::Unsupported)?;
        if costs.starts_with("i=") {
            let (salt, digest) = (decode(salt)?, decode(digest)?);
            let (iterations, length) = match costs.split_once(',') {
                Some(_) => parameters(costs, ["i", "l"]).map(|[iterations, length]| (iterations, Some(length)))?,
                None => parameters(costs, ["i"]).map(|[iterations]| (iterations, None))?,
            };
            let length = length.map(number).transpose()?;
            if length.is_some_and(|length| usize::try_from(length) != Ok(digest.len())) {
                return Err(HashError::Malformed);
            }
            return Self::new(prf, number(iterations)?, salt, digest);
        }
        // passlib writes `.` for `+`.
        let [salt, digest] = [salt, digest].map(|text| decode(&text.replace('.', "+")));
        Self::new(prf, number(costs)?, salt?, digest?)
    }

    fn new(prf: &str, iterations: u32, salt: Vec<u8>, mut digest: Vec<u8>) -> Result<Self, HashError> {
        let prf = [Prf::Sha1, Prf::Sha256, Prf::Sha512].into_iter().find(|it| it.as_str() == prf);
        let prf = prf.ok_or(HashError::Unsupported)?;
        if iterations > MAX_ITERATIONS {
            return Err(HashError::TooCostly);
        }
        let iterations = NonZeroU32::new(iterations).ok_or(HashError::Malformed)?;
        digest.truncate(prf.bytes());
        if !(1..=LONGEST_SALT).contains(&salt.len()) || digest.len() < 16 {
            return Err(HashError::Malformed);
        }
        Ok(Self { prf, iterations, salt, digest: base64::encode(&digest) })
    }

    /// The pseudorandom function.
    #[must_use]
    pub const fn prf(&self) -> Prf {
        self.prf
    }

    /// The iterations: 1 to 2,000,000.
    #[must_use]
    pub const fn iterations(&self) -> NonZeroU32 {
        self.iterations
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The length of the digest in bytes: 16 to the length of the hash function.
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
        let Self { prf, iterations, salt, digest } = self;
        let (prf, length) = (prf.as_str(), self.digest_bytes());
        format!("$pbkdf2-{prf}$i={iterations},l={length}${}${digest}", base64::encode(salt))
    }
}

impl Prf {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The length of one block.
    const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, HashError> {
    base64::decode(text).ok_or(HashError::Malformed)
}

impl fmt::Debug for Pbkdf2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pbkdf2").field("prf", &self.prf).field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

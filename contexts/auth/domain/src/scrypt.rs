use crate::hash_text::{LONGEST_SALT, fields, number, parameters, unhex};
use crate::{HashError, base64};
use std::fmt;

/// The memory is 128 bytes times N times r. This bound means 128 MiB, as for argon2.
const MAX_NR: u64 = 1 << 20;
/// The work is N times r times p. This bound means four passes over 128 MiB.
const MAX_NRP: u64 = 1 << 22;
const MAX_R: u32 = 64;

/// An imported scrypt hash (RFC 7914), as the text `$scrypt$ln=<log2 of N>,r=<r>,p=<p>$<salt>$<digest>`. The name
/// `scrypt-nfkc` stands for a password in NFKC, which is what Better Auth hashes.
///
/// An import also reads Django's `scrypt$<N>$<salt>$<r>$<p>$<digest>`, Kratos' text with N itself as `ln`, and Better
/// Auth's `<salt>:<digest>`.
///
/// Bounds: at most 128 MiB, and four passes over as much; r at most 64; a salt of 1 to 64 bytes; a digest of 16 to 64
/// bytes.
#[derive(Clone)]
pub struct Scrypt {
    costs: ScryptCosts,
    is_nfkc: bool,
    salt: Vec<u8>,
    digest: String,
}

/// The parameters of scrypt, within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScryptCosts {
    log2_n: u8,
    r: u32,
    p: u32,
}

impl ScryptCosts {
    /// Reads `<name>=<log2 of N>,r=<r>,p=<p>`.
    pub(crate) fn parse([log2_n, r, p]: [&str; 3]) -> Result<Self, HashError> {
        Self::new(number(log2_n)?, number(r)?, number(p)?)
    }

    fn new(log2_n: u32, r: u32, p: u32) -> Result<Self, HashError> {
        let nr = u64::from(r).checked_shl(log2_n).filter(|nr| nr >> log2_n == u64::from(r));
        let nr = nr.filter(|nr| *nr <= MAX_NR && r <= MAX_R).ok_or(HashError::TooCostly)?;
        if nr.checked_mul(p.into()).is_none_or(|nrp| nrp > MAX_NRP) {
            return Err(HashError::TooCostly);
        }
        // RFC 7914, section 2: N is less than 2^(128 r / 8).
        let log2_n = u8::try_from(log2_n).ok().filter(|log2_n| *log2_n > 0 && u32::from(*log2_n) < 16 * r && p > 0);
        log2_n.map(|log2_n| Self { log2_n, r, p }).ok_or(HashError::Malformed)
    }

    /// The base-2 logarithm of N.
    #[must_use]
    pub const fn log2_n(self) -> u8 {
        self.log2_n
    }

    /// The block size r.
    #[must_use]
    pub const fn r(self) -> u32 {
        self.r
    }

    /// The parallelism p. Its parts are computed one after another, in the same memory.
    #[must_use]
    pub const fn p(self) -> u32 {
        self.p
    }
}

impl fmt::Display for ScryptCosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log2_n, r, p } = self;
        write!(f, "ln={log2_n},r={r},p={p}")
    }
}

impl Scrypt {
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        if let Some(django) = text.strip_prefix("scrypt$") {
            let [n, salt, r, p, digest] = fields(django)?;
            let costs = ScryptCosts::new(log2(number(n)?)?, number(r)?, number(p)?)?;
            return Self::new(costs, false, salt.into(), base64::decode(digest));
        }
        let [_, scheme, costs, salt, digest] = fields(text)?;
        let is_nfkc = match scheme {
            "scrypt" => false,
            "scrypt-nfkc" => true,
            _ => return Err(HashError::Unsupported),
        };
        let [cost, r, p] = parameters(costs, ["ln", "r", "p"])?.map(number);
        // No logarithm is so large: Kratos writes N itself.
        let log2_n = cost.and_then(|cost| if cost < 64 { Ok(cost) } else { log2(cost) })?;
        let salt = base64::decode(salt).ok_or(HashError::Malformed)?;
        Self::new(ScryptCosts::new(log2_n, r?, p?)?, is_nfkc, salt, base64::decode(digest))
    }

    /// Reads `<salt>:<digest>`. scrypt gets the hexadecimal text of the salt, not its bytes.
    pub(crate) fn parse_better_auth(text: &str) -> Result<Self, HashError> {
        let (salt, digest) = text.split_once(':').ok_or(HashError::Unsupported)?;
        if unhex(salt).is_none() || unhex(digest).is_none_or(|digest| digest.len() != 64) {
            return Err(HashError::Unsupported);
        }
        Self::new(ScryptCosts::new(14, 16, 1)?, true, salt.into(), unhex(digest))
    }

    fn new(costs: ScryptCosts, is_nfkc: bool, salt: Vec<u8>, digest: Option<Vec<u8>>) -> Result<Self, HashError> {
        let digest = digest.filter(|digest| (16..=64).contains(&digest.len())).ok_or(HashError::Malformed)?;
        if !(1..=LONGEST_SALT).contains(&salt.len()) {
            return Err(HashError::Malformed);
        }
        Ok(Self { costs, is_nfkc, salt, digest: base64::encode(&digest) })
    }

    /// The parameters.
    #[must_use]
    pub const fn costs(&self) -> ScryptCosts {
        self.costs
    }

    /// Whether the password is hashed in Unicode Normalization Form KC.
    #[must_use]
    pub const fn is_nfkc(&self) -> bool {
        self.is_nfkc
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
        let Self { costs, is_nfkc, salt, digest } = self;
        let scheme = if *is_nfkc { "scrypt-nfkc" } else { "scrypt" };
        format!("${scheme}${costs}${}${digest}", base64::encode(salt))
    }
}

fn log2(n: u32) -> Result<u32, HashError> {
    if n.is_power_of_two() { Ok(n.ilog2()) } else { Err(HashError::Malformed) }
}

impl fmt::Debug for Scrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrypt").field("costs", &self.costs).field("is_nfkc", &self.is_nfkc).finish_non_exhaustive()
    }
}

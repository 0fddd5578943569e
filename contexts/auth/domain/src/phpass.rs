use crate::HashError;
use crate::hash_text::{digit_of_crypt, is_of_crypt};
use std::fmt;

/// WordPress uses 13, passlib 19.
const MAX_LOG2: u8 = 19;

/// An imported phpass hash, as WordPress before 6.8 writes it: `$P$<log2 of the rounds><salt><digest>`. phpBB writes
/// `$H$`, which an import also reads.
///
/// Bounds: 2^7 to 2^19 rounds of MD5.
#[derive(Clone)]
pub struct Phpass {
    log2_rounds: u8,
    /// The digit of crypt(3) that stands for the rounds, and 8 characters of salt.
    setting: String,
    digest: String,
}

impl Phpass {
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let rest = text.strip_prefix("$P$").or(text.strip_prefix("$H$")).ok_or(HashError::Unsupported)?;
        if !is_of_crypt(rest, 31) {
            return Err(HashError::Malformed);
        }
        let (setting, digest) = rest.split_at(9);
        let log2_rounds = setting.chars().next().and_then(digit_of_crypt).ok_or(HashError::Malformed)?;
        match log2_rounds {
            0..7 => Err(HashError::Malformed),
            7..=MAX_LOG2 => Ok(Self { log2_rounds, setting: setting.to_owned(), digest: digest.to_owned() }),
            _ => Err(HashError::TooCostly),
        }
    }

    /// The base-2 logarithm of the rounds: 7 to 19.
    #[must_use]
    pub const fn log2_rounds(&self) -> u8 {
        self.log2_rounds
    }

    /// The 8 characters of the salt, which is used as text.
    #[must_use]
    pub fn salt(&self) -> &str {
        self.setting.get(1..).unwrap_or_default()
    }

    /// The digest in the base64 of crypt(3). Callers MUST compare it in constant time.
    #[must_use]
    pub fn expose_digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn expose(&self) -> String {
        format!("$P${}{}", self.setting, self.digest)
    }
}

impl fmt::Debug for Phpass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phpass").field("log2_rounds", &self.log2_rounds).finish_non_exhaustive()
    }
}

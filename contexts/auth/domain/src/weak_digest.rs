use crate::hash_text::{LONGEST_SALT, fields, unhex};
use crate::{Bcrypt, BcryptFormat, HashError, PasswordHash, base64};
use std::fmt;

const WRAPPED: &str = "$wrapped$";

/// An unsalted or salted digest of a password.
///
/// An import reads `$<algorithm>$<hex>`, `$<algorithm>,before=<base64 of the salt>$<hex>` with the salt before the
/// password, `after` with the salt after it; bare hex, where the length tells the algorithm; and Django's
/// `<algorithm>$<salt>$<hex>`. A salt has at most 64 bytes.
#[derive(Clone)]
pub struct WeakDigest {
    recipe: DigestRecipe,
    hex: String,
}

/// A digest wrapped in bcrypt: bcrypt of its lower-case hex, as the text `$wrapped$<recipe>$2b$<cost>$<salt><digest>`. The
/// recipe is the algorithm, followed by `,before=` or `,after=` and the base64 of the salt if there is one.
#[derive(Clone)]
pub struct WrappedDigest {
    recipe: DigestRecipe,
    bcrypt: Bcrypt,
}

/// How a digest is made from a password.
#[derive(Clone)]
pub struct DigestRecipe {
    /// The hash function.
    pub algorithm: DigestAlgorithm,
    /// The salt before the password; empty if there is none.
    pub before: Vec<u8>,
    /// The salt after the password; empty if there is none.
    pub after: Vec<u8>,
}

/// A hash function that is too fast for passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// MD5
    Md5,
    /// SHA-1
    Sha1,
    /// SHA-256
    Sha256,
}

impl WeakDigest {
    /// Parses a digest. `None` for the text of another scheme.
    ///
    /// # Errors
    /// [`HashError::Malformed`]
    pub fn parse(text: &str) -> Result<Option<Self>, HashError> {
        if let Some(algorithm) = DigestAlgorithm::of_hex(text) {
            return Self::new(DigestRecipe { algorithm, before: vec![], after: vec![] }, text).map(Some);
        }
        let (before_text, rest) = text.split_once('$').unwrap_or_default();
        if let Some(algorithm) = DigestAlgorithm::named(before_text) {
            let [salt, hex] = fields(rest)?;
            return Self::new(DigestRecipe { algorithm, before: salt.into(), after: vec![] }, hex).map(Some);
        }
        let name = rest.split(['$', ',']).next().unwrap_or_default();
        if !before_text.is_empty() || DigestAlgorithm::named(name).is_none() {
            return Ok(None);
        }
        let [recipe, hex] = fields(rest)?;
        Self::new(DigestRecipe::parse(recipe)?, hex).map(Some)
    }

    fn new(recipe: DigestRecipe, hex: &str) -> Result<Self, HashError> {
        let is_possible = DigestAlgorithm::of_hex(hex) == Some(recipe.algorithm) && recipe.has_possible_salt();
        let digest = Self { recipe, hex: hex.to_ascii_lowercase() };
        if is_possible { Ok(digest) } else { Err(HashError::Malformed) }
    }

    /// The text of the digest, in the format that names the algorithm. Reviewers should look at every call.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("${}${}", self.recipe.text(), self.hex)
    }

    /// The digest in lower-case hex, the input of bcrypt.
    #[must_use]
    pub fn expose_hex(&self) -> &str {
        &self.hex
    }

    /// The hash to store, if `bcrypt` is the hash of the hex in bcrypt's own format.
    #[must_use]
    pub fn wrapped(&self, bcrypt: Bcrypt) -> Option<PasswordHash> {
        if !matches!(bcrypt.form(), BcryptFormat::Plain(_)) {
            return None;
        }
        Some(PasswordHash::WrappedDigest(WrappedDigest { recipe: self.recipe.clone(), bcrypt }))
    }
}

impl WrappedDigest {
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let (recipe, bcrypt) =
            text.strip_prefix(WRAPPED).and_then(|rest| rest.split_once('$')).ok_or(HashError::Malformed)?;
        let (recipe, bcrypt) = (DigestRecipe::parse(recipe)?, Bcrypt::parse(&format!("${bcrypt}"))?);
        let is_plain = matches!(bcrypt.form(), BcryptFormat::Plain(_));
        if is_plain { Ok(Self { recipe, bcrypt }) } else { Err(HashError::Malformed) }
    }

    /// How to make the input of bcrypt from a password.
    #[must_use]
    pub const fn recipe(&self) -> &DigestRecipe {
        &self.recipe
    }

    /// The hash of the digest, in bcrypt's own format.
    #[must_use]
    pub const fn bcrypt(&self) -> &Bcrypt {
        &self.bcrypt
    }

    pub(crate) fn expose(&self) -> String {
        format!("{WRAPPED}{}{}", self.recipe.text(), self.bcrypt.expose())
    }
}

impl DigestRecipe {
    fn parse(text: &str) -> Result<Self, HashError> {
        let (name, salt) = text.split_once(',').unwrap_or((text, ""));
        let algorithm = DigestAlgorithm::named(name).ok_or(HashError::Unsupported)?;
        let decode = |salt| base64::decode(salt).ok_or(HashError::Malformed);
        let (before, after) = match salt.split_once('=') {
            None if name == text => (vec![], vec![]),
            Some(("before", salt)) => (decode(salt)?, vec![]),
            Some(("after", salt)) => (vec![], decode(salt)?),
            _ => return Err(HashError::Malformed),
        };
        let recipe = Self { algorithm, before, after };
        if recipe.has_possible_salt() { Ok(recipe) } else { Err(HashError::Malformed) }
    }

    fn has_possible_salt(&self) -> bool {
        self.before.len() <= LONGEST_SALT && self.after.len() <= LONGEST_SALT
    }

    fn text(&self) -> String {
        let name = self.algorithm.as_str();
        match (&self.before[..], &self.after[..]) {
            ([], []) => name.to_owned(),
            ([], after) => format!("{name},after={}", base64::encode(after)),
            (before, _) => format!("{name},before={}", base64::encode(before)),
        }
    }
}

impl DigestAlgorithm {
    const ALL: [Self; 3] = [Self::Md5, Self::Sha1, Self::Sha256];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// The algorithm whose digests have as many hexadecimal digits.
    fn of_hex(text: &str) -> Option<Self> {
        match unhex(text)?.len() {
            16 => Some(Self::Md5),
            20 => Some(Self::Sha1),
            32 => Some(Self::Sha256),
            _ => None,
        }
    }
}

impl fmt::Debug for WeakDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakDigest").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

impl fmt::Debug for WrappedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedDigest").field("recipe", &self.recipe).field("bcrypt", &self.bcrypt).finish()
    }
}

impl fmt::Debug for DigestRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestRecipe").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

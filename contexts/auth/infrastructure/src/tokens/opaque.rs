use super::TokenError;
use auth_application::TokenHash;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use kernel::Secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// 256 bits.
const BYTES: usize = 32;

/// What a token is for: the first letters of its text, so that one that is lost somewhere is known for what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Renews a session.
    Refresh,
    /// Opens what its scopes say, to another service.
    ServiceKey,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "rr_",
            Self::ServiceKey => "rk_",
        }
    }
}

/// A token that says nothing: 256 random bits. It is shown once, and kept as its hash.
pub struct Opaque {
    /// What its bearer gets.
    pub text: Secret,
    /// What is stored.
    pub hash: TokenHash,
}

impl Opaque {
    /// A fresh one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random(kind: Kind) -> Result<Self, TokenError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        getrandom::fill(&mut bytes[..]).map_err(|_| TokenError::Crypto)?;
        let text = Secret::new(format!("{}{}", kind.prefix(), BASE64.encode(&bytes[..])));
        Ok(Self { hash: hash(text.expose()), text })
    }

    /// The hash of a token that is shown; `None` when it is none of this kind. Only exactly what was given fits.
    #[must_use]
    pub fn shown(kind: Kind, text: &str) -> Option<TokenHash> {
        let random = text.strip_prefix(kind.prefix())?;
        let bytes = Zeroizing::new(BASE64.decode(random).ok()?);
        (bytes.len() == BYTES).then(|| hash(text))
    }
}

fn hash(text: &str) -> TokenHash {
    TokenHash(Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::{Kind, Opaque};

    #[test]
    fn a_token_is_known_by_its_hash_and_by_nothing_less() {
        let token = Opaque::random(Kind::Refresh).expect("randomness");
        let text = token.text.expose();
        assert!(text.starts_with("rr_") && text.len() == 46, "{}", text.len());
        assert_eq!(Opaque::shown(Kind::Refresh, text), Some(token.hash));
        assert_eq!(Opaque::shown(Kind::ServiceKey, text), None);
        for other in ["", "rr_", &text[..45], &format!("{text}A"), &format!(" {text}"), &text.to_uppercase()] {
            assert_ne!(Opaque::shown(Kind::Refresh, other), Some(token.hash), "{}", other.len());
        }
    }

    #[test]
    fn no_two_are_alike() {
        let hashes: Vec<_> = (0..100).map(|_| Opaque::random(Kind::ServiceKey).expect("randomness").hash).collect();
        assert!(hashes.iter().enumerate().all(|(n, hash)| !hashes[..n].contains(hash)));
    }
}

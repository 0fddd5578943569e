use super::TokenError;
use auth_application::{SealedToken, TokenHash};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use kernel::Secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// 256 bits.
const BYTES: usize = 32;
/// What the key is for that a token's successor is encrypted under.
const INFO: &[u8] = b"roster/refresh-successor/v1";

/// What a token is for: the first letters of its text, so that one that is lost somewhere is known for what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Renews a session.
    Refresh,
    /// Opens what its scopes say, to another service.
    ServiceKey,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "rr_",
            Self::ServiceKey => "rk_",
        }
    }
}

/// A token that says nothing: 256 random bits. It is shown once, and kept as its hash.
pub struct OpaqueToken {
    /// What its bearer gets.
    pub text: Secret,
    /// What is stored.
    pub hash: TokenHash,
}

impl OpaqueToken {
    /// A fresh one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random(kind: TokenKind) -> Result<Self, TokenError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        getrandom::fill(&mut bytes[..]).map_err(|_| TokenError::Crypto)?;
        let text = Secret::new(format!("{}{}", kind.prefix(), BASE64.encode(&bytes[..])));
        Ok(Self { hash: hash(text.expose()), text })
    }

    /// This token, encrypted under a key that only `parent` gives: HKDF-SHA256 (RFC 5869) of the parent's random
    /// bytes, and AES-256-GCM.
    ///
    /// # Errors
    /// When the parent is no token, or the system gives no random bytes.
    pub fn sealed_for(&self, parent: &Secret) -> Result<SealedToken, TokenError> {
        let mut sealed = vec![0; NONCE_LEN];
        sealed.extend_from_slice(self.text.expose().as_bytes());
        let (nonce, plain) = sealed.split_at_mut(NONCE_LEN);
        let key = successor_key(parent).ok_or(TokenError::Crypto)?;
        let (used, tag) = key.seal_in_place_separate_tag(Aad::from(INFO), plain).map_err(|_| TokenError::Crypto)?;
        nonce.copy_from_slice(used.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(SealedToken(sealed))
    }

    /// The token that was sealed for the bearer of `parent`.
    ///
    /// # Errors
    /// When it was not, or has been changed.
    pub fn opened_by(parent: &Secret, sealed: &SealedToken) -> Result<Self, TokenError> {
        let (nonce, sealed) = sealed.0.split_first_chunk::<NONCE_LEN>().ok_or(TokenError::Crypto)?;
        let key = successor_key(parent).ok_or(TokenError::Crypto)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(INFO), &mut plain);
        let text = opened.map_err(|_| TokenError::Crypto)?;
        let text = Secret::new(str::from_utf8(text).map_err(|_| TokenError::Crypto)?.to_owned());
        Ok(Self { hash: hash(text.expose()), text })
    }

    /// The hash of a token that is shown; `None` when it is none of this kind. Only exactly what was given fits.
    #[must_use]
    pub fn parse(kind: TokenKind, text: &str) -> Option<TokenHash> {
        let random = text.strip_prefix(kind.prefix())?;
        let bytes = Zeroizing::new(BASE64.decode(random).ok()?);
        (bytes.len() == BYTES).then(|| hash(text))
    }
}

struct KeyBytes;

impl KeyType for KeyBytes {
    fn len(&self) -> usize {
        BYTES
    }
}

/// `None` when this is no refresh token.
fn successor_key(parent: &Secret) -> Option<RandomizedNonceKey> {
    let random = parent.expose().strip_prefix(TokenKind::Refresh.prefix())?;
    let secret = Zeroizing::new(BASE64.decode(random).ok()?);
    let mut key = Zeroizing::new([0; BYTES]);
    let derived = Salt::new(HKDF_SHA256, &[]).extract(&secret);
    derived.expand(&[INFO], KeyBytes).and_then(|okm| okm.fill(&mut key[..])).ok()?;
    RandomizedNonceKey::new(&AES_256_GCM, &key[..]).ok()
}

fn hash(text: &str) -> TokenHash {
    TokenHash(Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::{OpaqueToken, TokenKind};

    #[test]
    fn a_token_is_known_by_its_hash_and_by_nothing_less() {
        let token = OpaqueToken::random(TokenKind::Refresh).expect("randomness");
        let text = token.text.expose();
        assert!(text.starts_with("rr_") && text.len() == 46, "{}", text.len());
        assert_eq!(OpaqueToken::parse(TokenKind::Refresh, text), Some(token.hash));
        assert_eq!(OpaqueToken::parse(TokenKind::ServiceKey, text), None);
        for other in ["", "rr_", &text[..45], &format!("{text}A"), &format!(" {text}"), &text.to_uppercase()] {
            assert_ne!(OpaqueToken::parse(TokenKind::Refresh, other), Some(token.hash), "{}", other.len());
        }
    }

    #[test]
    fn no_two_are_alike() {
        let hashes: Vec<_> =
            (0..100).map(|_| OpaqueToken::random(TokenKind::ServiceKey).expect("randomness").hash).collect();
        assert!(hashes.iter().enumerate().all(|(n, hash)| !hashes[..n].contains(hash)));
    }

    #[test]
    fn a_successor_is_read_by_the_bearer_of_its_parent_alone() {
        let [parent, next, other] = [0; 3].map(|_| OpaqueToken::random(TokenKind::Refresh).expect("randomness"));
        let sealed = next.sealed_for(&parent.text).expect("sealed");
        let again = next.sealed_for(&parent.text).expect("sealed");
        assert_ne!(sealed, again, "each has a nonce of its own");
        for sealed in [&sealed, &again] {
            let opened = OpaqueToken::opened_by(&parent.text, sealed).expect("opened");
            assert!(opened.hash == next.hash && opened.text.expose() == next.text.expose());
        }
        assert!(OpaqueToken::opened_by(&other.text, &sealed).is_err());
        assert!(OpaqueToken::opened_by(&next.text, &sealed).is_err());
        for at in [0, 20, sealed.0.len() - 1] {
            let mut changed = sealed.clone();
            changed.0[at] ^= 1;
            assert!(OpaqueToken::opened_by(&parent.text, &changed).is_err(), "byte {at}");
        }
        let text = String::from_utf8_lossy(&sealed.0).into_owned();
        assert!(!text.contains(&next.text.expose()[3..10]), "it cannot be read");
    }
}

use super::TokenError;
use auth_application::{SealedToken, TokenHash};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use kernel::Secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The random bytes of a token: 256 bits.
const BYTES: usize = 32;

/// The kind of a token. It sets the prefix of the text, so that a leaked token can be recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A refresh token, which refreshes a session.
    Refresh,
    /// The key of another service, which has scopes.
    ServiceKey,
    /// A sign-in that waits for its second factor.
    Challenge,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "rr_",
            Self::ServiceKey => "rk_",
            Self::Challenge => "rc_",
        }
    }
}

/// An opaque token of 256 random bits. The text is returned once; only the hash is stored.
pub struct OpaqueToken {
    pub text: Secret,
    pub hash: TokenHash,
}

impl OpaqueToken {
    /// Makes a new random token.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn random(kind: TokenKind) -> Result<Self, TokenError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        getrandom::fill(&mut bytes[..]).map_err(|_| TokenError::Crypto)?;
        let text = Secret::new(format!("{}{}", kind.prefix(), BASE64.encode(&bytes[..])));
        Ok(Self { hash: hash(text.expose()), text })
    }

    /// Encrypts this token with AES-256-GCM, under a key that HKDF-SHA256 (RFC 5869) derives from the random bytes of
    /// `parent`. Only the bearer of `parent` can decrypt it. `label` is the HKDF info, and is authenticated.
    ///
    /// # Errors
    /// If the parent is not a refresh token, or the system gives no random bytes.
    pub fn sealed_for(&self, parent: &Secret, label: &[u8]) -> Result<SealedToken, TokenError> {
        let mut sealed = vec![0; NONCE_LEN];
        sealed.extend_from_slice(self.text.expose().as_bytes());
        let (nonce, plain) = sealed.split_at_mut(NONCE_LEN);
        let key = successor_key(parent, label).ok_or(TokenError::Crypto)?;
        let (used, tag) = key.seal_in_place_separate_tag(Aad::from(label), plain).map_err(|_| TokenError::Crypto)?;
        nonce.copy_from_slice(used.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(SealedToken(sealed))
    }

    /// Decrypts a token that was encrypted for the bearer of `parent`.
    ///
    /// # Errors
    /// If it was encrypted for another token or under another label, or has been changed.
    pub fn opened_by(parent: &Secret, sealed: &SealedToken, label: &[u8]) -> Result<Self, TokenError> {
        let (nonce, sealed) = sealed.0.split_first_chunk::<NONCE_LEN>().ok_or(TokenError::Crypto)?;
        let key = successor_key(parent, label).ok_or(TokenError::Crypto)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(label), &mut plain);
        let text = opened.map_err(|_| TokenError::Crypto)?;
        let text = Secret::new(str::from_utf8(text).map_err(|_| TokenError::Crypto)?.to_owned());
        Ok(Self { hash: hash(text.expose()), text })
    }

    /// The hash of a token that a client has sent; `None` if the text is not a token of this kind. The text must match
    /// exactly.
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

/// The key that encrypts the successor of a token; `None` if the text is not a refresh token.
fn successor_key(parent: &Secret, label: &[u8]) -> Option<RandomizedNonceKey> {
    let random = parent.expose().strip_prefix(TokenKind::Refresh.prefix())?;
    let secret = Zeroizing::new(BASE64.decode(random).ok()?);
    let mut key = Zeroizing::new([0; BYTES]);
    let derived = Salt::new(HKDF_SHA256, &[]).extract(&secret);
    derived.expand(&[label], KeyBytes).and_then(|okm| okm.fill(&mut key[..])).ok()?;
    RandomizedNonceKey::new(&AES_256_GCM, &key[..]).ok()
}

fn hash(text: &str) -> TokenHash {
    TokenHash(Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::{OpaqueToken, TokenKind};

    const LABEL: &[u8] = b"a label";

    #[test]
    fn only_the_exact_text_of_a_token_has_its_hash() {
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
    fn all_tokens_differ() {
        let hashes: Vec<_> =
            (0..100).map(|_| OpaqueToken::random(TokenKind::ServiceKey).expect("randomness").hash).collect();
        assert!(hashes.iter().enumerate().all(|(n, hash)| !hashes[..n].contains(hash)));
    }

    #[test]
    fn only_the_bearer_of_the_parent_can_read_a_successor() {
        let [parent, next, other] = [0; 3].map(|_| OpaqueToken::random(TokenKind::Refresh).expect("randomness"));
        let sealed = next.sealed_for(&parent.text, LABEL).expect("sealed");
        let again = next.sealed_for(&parent.text, LABEL).expect("sealed");
        assert_ne!(sealed, again, "each encryption has its own nonce");
        for sealed in [&sealed, &again] {
            let opened = OpaqueToken::opened_by(&parent.text, sealed, LABEL).expect("opened");
            assert!(opened.hash == next.hash && opened.text.expose() == next.text.expose());
        }
        assert!(OpaqueToken::opened_by(&other.text, &sealed, LABEL).is_err());
        assert!(OpaqueToken::opened_by(&next.text, &sealed, LABEL).is_err());
        assert!(OpaqueToken::opened_by(&parent.text, &sealed, b"another label").is_err());
        for at in [0, 20, sealed.0.len() - 1] {
            let mut changed = sealed.clone();
            changed.0[at] ^= 1;
            assert!(OpaqueToken::opened_by(&parent.text, &changed, LABEL).is_err(), "byte {at}");
        }
        let text = String::from_utf8_lossy(&sealed.0).into_owned();
        assert!(!text.contains(&next.text.expose()[3..10]), "it cannot be read");
    }
}

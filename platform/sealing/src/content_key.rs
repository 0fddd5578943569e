use crate::suite::{PrivateKey, PublicKey, SUITE};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use rustls::crypto::hpke::EncapsulatedSecret;
use zeroize::Zeroizing;

/// Length of an X25519 public key in bytes (RFC 7748, section 5).
const ENCAPSULATED: usize = 32;

/// A key under which secrets are sealed: AES-256 in GCM with random nonces, which are good for 2³² secrets (NIST SP
/// 800-38D, section 8.3).
///
/// Dropping it wipes it from memory, because aws-lc wipes the memory that it frees.
pub(crate) struct ContentKey(RandomizedNonceKey);

impl ContentKey {
    /// Creates a key. Also returns the encapsulated secret and the sealed key, from which the owner of the private
    /// key recovers it. `None` when the system has no randomness, or the public key cannot be used.
    pub(crate) fn fresh(public: &PublicKey, kid: &str, label: &[u8]) -> Option<(Self, Vec<u8>)> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut_slice()).ok()?;
        let (enc, sealed) = SUITE.seal(label, kid.as_bytes(), bytes.as_slice(), public).ok()?;
        Some((Self::new(bytes.as_slice())?, [enc.0, sealed].concat()))
    }

    /// Recovers a key from its sealed form.
    pub(crate) fn opened(sealed: &[u8], private: &PrivateKey, kid: &str, label: &[u8]) -> Option<Self> {
        let (enc, sealed) = sealed.split_at_checked(ENCAPSULATED)?;
        let enc = EncapsulatedSecret(enc.to_vec());
        let bytes = SUITE.open(&enc, label, kid.as_bytes(), sealed, private).map(Zeroizing::new).ok()?;
        Self::new(&bytes)
    }

    fn new(bytes: &[u8]) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes).ok().map(Self)
    }

    /// Returns the nonce, the ciphertext and the tag.
    pub(crate) fn seal(&self, aad: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = vec![0; NONCE_LEN];
        sealed.extend_from_slice(plain);
        let (nonce, tag) = self.0.seal_in_place_separate_tag(Aad::from(aad), sealed.get_mut(NONCE_LEN..)?).ok()?;
        sealed.get_mut(..NONCE_LEN)?.copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }

    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(aad), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

//! The HPKE suite, and the format of sealed values.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::crypto::{
    aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_CHACHA20_POLY1305,
    hpke::{Hpke, HpkePrivateKey, HpkePublicKey},
};
use std::sync::Arc;

/// The HPKE that rustls has for Encrypted Client Hello, on aws-lc. It takes less than half of the time of the crate
/// `hpke`.
pub(crate) static SUITE: &dyn Hpke = DH_KEM_X25519_HKDF_SHA256_CHACHA20_POLY1305;

pub(crate) type PublicKey = HpkePublicKey;
/// Wiped from memory when its last owner drops it.
pub(crate) type PrivateKey = Arc<HpkePrivateKey>;

/// The algorithm in the envelope: the secret is sealed under a content key, which is sealed to the public key.
pub(crate) const ALG: &str = "HPKE-X25519-HKDF-SHA256-ChaCha20Poly1305+A256GCM";
/// The algorithm of the first versions, which is still opened: the secret itself is sealed to the public key.
pub(crate) const ALG_1: &str = "HPKE-X25519-HKDF-SHA256-ChaCha20Poly1305";

/// What this application calls what it seals (`info`, RFC 9180, section 5.1). Two applications with different labels
/// cannot open each other's secrets, even with the same keys. They MUST NOT change: sealed values would be lost.
#[derive(Debug, Clone, Copy)]
pub struct Labels {
    /// The content keys under which secrets are sealed.
    pub content_key: &'static [u8],
    /// Secrets of the first algorithm, which were sealed without a content key.
    pub secret: &'static [u8],
}

/// The longest secret that can be sealed, in bytes.
pub const MAX_SECRET: usize = 1024;
/// Bytes of the length that precedes the secret, big-endian.
pub(crate) const LENGTH: usize = 2;
/// The size of every plaintext in bytes, so that a ciphertext does not show how long the secret is.
pub(crate) const PADDED: usize = LENGTH + MAX_SECRET;

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns `None` when the text is not base64url without padding (RFC 4648, section 5), or not the only spelling of
/// its bytes.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::SUITE;
    use rustls::crypto::hpke::{EncapsulatedSecret, HpkePrivateKey};

    fn hex(text: &str) -> Vec<u8> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        text.as_bytes()
            .chunks(2)
            .map(|pair| digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high << 4 | low).expect("hex"))
            .collect()
    }

    /// RFC 9180, appendix A.2.1: this suite in base mode, the first message of the sequence.
    #[test]
    fn the_suite_opens_the_test_vector_of_the_rfc() {
        let private = HpkePrivateKey::from(hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"));
        let enc = EncapsulatedSecret(hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"));
        let ct = hex(concat!(
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db",
            "21993c62ce81883d2dd1b51a28"
        ));
        let opened = SUITE.open(&enc, b"Ode on a Grecian Urn", b"Count-0", &ct, &private);
        assert_eq!(opened.as_deref(), Ok(b"Beauty is truth, truth beauty".as_slice()));
    }
}

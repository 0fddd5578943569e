use crate::{
    Binding,
    content_key::ContentKey,
    suite::{ALG, ALG_1, LENGTH, Labels, PADDED, PrivateKey, SUITE, decode},
};
use kernel::{Sealed, Secret};
use rustls::crypto::hpke::EncapsulatedSecret;
use zeroize::Zeroizing;

/// Opens secrets that were sealed to any of its keys.
///
/// Dropping it wipes the keys from memory.
pub struct Opener {
    keys: Vec<(String, PrivateKey)>,
    labels: Labels,
}

/// Why a secret was not opened. The error contains nothing of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// The key or the algorithm is not known here. During a rotation or a roll-out another worker may know it, or
    /// this one after its next start: retry later.
    #[error("it was sealed to a key, or with an algorithm, that this process does not know")]
    Unknown,
    /// The value was altered, or sealed for something else. A retry is of no use.
    #[error("it cannot be opened: it was altered, or sealed for something else")]
    Broken,
}

impl Opener {
    pub(crate) fn new(keys: Vec<(String, PrivateKey)>, labels: Labels) -> Self {
        Self { keys, labels }
    }

    /// Opens a value that was sealed for exactly this binding.
    ///
    /// # Errors
    /// [`UnsealError::Unknown`] when its key or algorithm is not known here,
    /// [`UnsealError::Broken`] for any other reason.
    pub fn open(&self, sealed: &Sealed, bound: &Binding) -> Result<Secret, UnsealError> {
        let (_, private) = self.keys.iter().find(|(kid, _)| *kid == sealed.kid).ok_or(UnsealError::Unknown)?;
        let open = match sealed.alg.as_str() {
            ALG => open,
            ALG_1 => open_1,
            _ => return Err(UnsealError::Unknown),
        };
        open(private, sealed, &bound.aad(&sealed.kid), self.labels)
            .and_then(|padded| unpad(&padded))
            .ok_or(UnsealError::Broken)
    }
}

fn open(private: &PrivateKey, sealed: &Sealed, aad: &[u8], labels: Labels) -> Option<Zeroizing<Vec<u8>>> {
    ContentKey::opened(&decode(&sealed.enc)?, private, &sealed.kid, labels.content_key)?.open(aad, &decode(&sealed.ct)?)
}

fn open_1(private: &PrivateKey, sealed: &Sealed, aad: &[u8], labels: Labels) -> Option<Zeroizing<Vec<u8>>> {
    let (enc, ct) = (EncapsulatedSecret(decode(&sealed.enc)?), decode(&sealed.ct)?);
    SUITE.open(&enc, labels.secret, aad, &ct, private).ok().map(Zeroizing::new)
}

/// Removes the padding. Anyone with the public key can seal, so this refuses a form that [`crate::Sealer`] never
/// makes.
pub(crate) fn unpad(padded: &[u8]) -> Option<Secret> {
    if padded.len() != PADDED {
        return None;
    }
    let (length, rest) = padded.split_first_chunk::<LENGTH>()?;
    let secret = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    std::str::from_utf8(secret).ok().map(|text| Secret::new(text.to_owned()))
}

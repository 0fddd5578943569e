use crate::{
    Binding,
    suite::{ALG, INFO, LENGTH, MAX_SECRET, PADDED, PublicKey, SUITE, encode},
};
use kernel::{Sealed, Secret};
use zeroize::Zeroizing;

/// Seals to the active public key. It cannot open anything.
#[derive(Clone)]
pub struct Sealer {
    kid: String,
    public: PublicKey,
}

/// Why a secret was not sealed. It says nothing of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Longer than [`MAX_SECRET`].
    #[error("a secret longer than {MAX_SECRET} bytes cannot be sealed")]
    TooLong,
    /// The public key is one of the few that give everybody the same shared secret (RFC 9180,
    /// section 7.1.4), which a loaded [`crate::Keys`] has none of; or the system has no randomness to give.
    #[error("nothing can be sealed to this public key now")]
    NotNow,
}

impl Sealer {
    pub(crate) fn new(kid: String, public: PublicKey) -> Self {
        Self { kid, public }
    }

    /// Seals a secret for one purpose. The result is equally long for every secret.
    ///
    /// # Errors
    /// [`SealError`]
    pub fn seal(&self, secret: &Secret, bound: &Binding) -> Result<Sealed, SealError> {
        let padded = pad(secret.expose().as_bytes()).ok_or(SealError::TooLong)?;
        let aad = bound.aad(&self.kid);
        let (enc, ct) = SUITE.seal(INFO, &aad, padded.as_slice(), &self.public).map_err(|_| SealError::NotNow)?;
        Ok(Sealed { alg: ALG.to_owned(), kid: self.kid.clone(), enc: encode(&enc.0), ct: encode(&ct) })
    }
}

fn pad(secret: &[u8]) -> Option<Zeroizing<[u8; PADDED]>> {
    let length = u16::try_from(secret.len()).ok().filter(|length| usize::from(*length) <= MAX_SECRET)?;
    let mut padded = Zeroizing::new([0; PADDED]);
    let (before, after) = padded.split_at_mut(LENGTH);
    before.copy_from_slice(&length.to_be_bytes());
    after[..secret.len()].copy_from_slice(secret);
    Some(padded)
}

#[cfg(test)]
mod tests {
    use super::pad;
    use crate::{open::unpad, suite::MAX_SECRET};
    use kernel::Secret;

    #[test]
    fn padding_comes_off_again_for_every_length() {
        for length in 0..=MAX_SECRET {
            let text = "\0".repeat(length);
            let unpadded = pad(text.as_bytes()).and_then(|padded| unpad(padded.as_slice()));
            assert_eq!(unpadded.as_ref().map(Secret::expose), Some(text.as_str()));
        }
        assert!(pad(&[0; MAX_SECRET + 1]).is_none());
    }

    #[test]
    fn a_shape_that_was_never_sealed_is_no_secret() {
        let mut padded = pad(b"correct horse").map(|padded| padded.to_vec()).unwrap_or_default();
        assert!(unpad(&padded).is_some());
        assert!(unpad(&padded[..padded.len() - 1]).is_none(), "shorter");
        padded[2] = 0xff;
        assert!(unpad(&padded).is_none(), "no UTF-8");
        padded[..2].copy_from_slice(&[0xff, 0xff]);
        assert!(unpad(&padded).is_none(), "a length over the end");
    }
}

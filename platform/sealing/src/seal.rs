use crate::{
    Binding,
    content_key::ContentKey,
    suite::{ALG, LENGTH, Labels, MAX_SECRET, PADDED, PublicKey, encode},
};
use kernel::{Sealed, Secret};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a content key is used. Making one takes twenty times as long as sealing under it. Under load, nearly
/// every registration saves that time. No key opens more than the secrets of one second.
const FRESH: Duration = Duration::from_secs(1);

/// Seals secrets to the active public key. It could open only those of the last second in which it sealed.
pub struct Sealer {
    kid: String,
    public: PublicKey,
    labels: Labels,
    current: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    key: Arc<ContentKey>,
    /// The sealed content key, as the envelope carries it.
    enc: String,
    made: Instant,
}

/// Why a secret was not sealed. The error contains nothing of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Longer than [`MAX_SECRET`].
    #[error("a secret longer than {MAX_SECRET} bytes cannot be sealed")]
    TooLong,
    /// The public key is one of the few that give every sender the same shared secret (RFC 9180, section 7.1.4),
    /// which loaded [`crate::Keys`] never contain. Or the system has no randomness.
    #[error("the secret cannot be sealed to this public key now")]
    NotNow,
}

impl Sealer {
    pub(crate) const fn new(kid: String, public: PublicKey, labels: Labels) -> Self {
        Self { kid, public, labels, current: Mutex::new(None) }
    }

    /// Seals a secret for one purpose. The result has the same length for every secret.
    ///
    /// # Errors
    /// [`SealError`]
    pub fn seal(&self, secret: &Secret, bound: &Binding) -> Result<Sealed, SealError> {
        let padded = pad(secret.expose().as_bytes()).ok_or(SealError::TooLong)?;
        let Current { key, enc, .. } = self.current().ok_or(SealError::NotNow)?;
        let ct = key.seal(&bound.aad(&self.kid), padded.as_slice()).ok_or(SealError::NotNow)?;
        Ok(Sealed { alg: ALG.to_owned(), kid: self.kid.clone(), enc, ct: encode(&ct) })
    }

    fn current(&self) -> Option<Current> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_none_or(|current| current.made.elapsed() >= FRESH) {
            let (key, enc) = ContentKey::fresh(&self.public, &self.kid, self.labels.content_key)?;
            *current = Some(Current { key: Arc::new(key), enc: encode(&enc), made: Instant::now() });
        }
        current.clone()
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
    use super::{FRESH, pad};
    use crate::{
        Binding, Keys,
        open::unpad,
        suite::{Labels, MAX_SECRET},
    };
    use kernel::{MessageId, Secret};
    use std::time::Instant;

    const LABELS: Labels = Labels { content_key: b"test/content-key/v1", secret: b"test/secret/v1" };

    #[test]
    fn a_content_key_is_used_for_a_second_and_then_no_more() {
        let sealer = Keys::in_directory(tempfile::tempdir().expect("a folder").path()).expect("keys").sealer(LABELS);
        let bound =
            Binding { root: MessageId::random(), subject: MessageId::random().as_uuid(), purpose: "set_credential" };
        let sealed = || sealer.seal(&Secret::new("correct horse".to_owned()), &bound).expect("sealed");
        let made = |at| {
            for current in sealer.current.lock().expect("a lock").iter_mut() {
                current.made = at;
            }
        };
        let first = sealed();
        // Ahead of the clock, so that a slow machine does not make it old.
        made(Instant::now() + 60 * FRESH);
        assert_eq!(sealed().enc, first.enc);
        made(Instant::now() - FRESH);
        assert_ne!(sealed().enc, first.enc);
    }

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
    fn a_form_that_the_sealer_never_makes_is_refused() {
        let mut padded = pad(b"correct horse").map(|padded| padded.to_vec()).unwrap_or_default();
        assert!(unpad(&padded).is_some());
        assert!(unpad(&padded[..padded.len() - 1]).is_none(), "shorter");
        padded[2] = 0xff;
        assert!(unpad(&padded).is_none(), "not UTF-8");
        padded[..2].copy_from_slice(&[0xff, 0xff]);
        assert!(unpad(&padded).is_none(), "a length past the end");
    }
}

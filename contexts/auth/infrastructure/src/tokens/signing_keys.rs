//! The keys that sign access tokens. They are stored in the key file, and published before they sign.

use super::TokenError;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{DecodingKey, EncodingKey};
use kernel::{Secret, Timestamp};
use sealing::{FileVersion, KeyFile, KeysError};
use serde::{Deserialize, Serialize, Serializer};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use web::{CursorKey, CursorKeys};
use zeroize::Zeroizing;

/// The member of the key file that holds the signing keys.
const MEMBER: &str = "signing";
/// How long a new key is published before it signs. Other services may cache the list for half of that time.
pub const PUBLISH_AHEAD: Duration = Duration::from_secs(600);
/// The time between two checks of the file. A change takes effect within a second.
const EVERY: Duration = Duration::from_millis(500);

/// The keys that sign access tokens, from the key file. Requests read them from memory; only [`reload`](Self::reload)
/// reads the file.
pub struct SigningKeys {
    file: KeyFile,
    key_set: RwLock<Arc<KeySet>>,
    /// The version of the file that the keys are from. Locked while the file is read.
    version: Mutex<FileVersion>,
}

/// All signing keys at one time.
pub struct KeySet(Vec<SigningKey>);

/// A signing key.
pub struct SigningKey {
    /// The key id, which tokens have as `kid` in their header.
    pub kid: String,
    /// When the key begins to sign, by the machine's clock.
    pub signs_from: Timestamp,
    /// The public half, in base64url.
    pub x: String,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
    /// Authenticates cursors, which like tokens end with the key.
    cursors: CursorKey,
}

/// A signing key in the form of the key file.
#[derive(Serialize, Deserialize)]
struct Entry {
    kid: String,
    #[serde(serialize_with = "expose")]
    private: Secret,
    signs_from: Timestamp,
}

/// Serializes a private key into the key file. No other code writes one out.
fn expose<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}

impl SigningKeys {
    /// Reads the keys. In Roster's own data directory it makes the first key if there is none.
    ///
    /// # Errors
    /// If there are no keys, or the file cannot be read or written.
    pub fn open(file: KeyFile) -> Result<Self, TokenError> {
        if file.is_ours() && file.member::<Vec<Entry>>(MEMBER)?.is_none() {
            // Check again under the lock: another process may have made one.
            file.change::<Vec<Entry>, TokenError>(MEMBER, |found| match found {
                Some(entries) => Ok(entries),
                None => Ok(vec![Entry::generate(Timestamp::now())?]),
            })?;
        }
        let (version, key_set) = (file.edition()?, read(&file)?);
        Ok(Self { file, key_set: RwLock::new(Arc::new(key_set)), version: Mutex::new(version) })
    }

    /// All keys, as they were read last. Does not touch the disk.
    #[must_use]
    pub fn key_set(&self) -> Arc<KeySet> {
        Arc::clone(&self.key_set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again if it has changed. Blocks while the disk does not answer.
    ///
    /// # Errors
    /// If the file cannot be read. The keys that were read before stay in use.
    pub fn reload(&self) -> Result<(), TokenError> {
        let mut version = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.file.edition()?;
        if found != *version {
            let key_set = Arc::new(read(&self.file)?);
            tracing::info!(keys = key_set.0.len(), "reloaded the signing keys: the key file has changed");
            *self.key_set.write().unwrap_or_else(PoisonError::into_inner) = key_set;
            *version = found;
        }
        Ok(())
    }

    /// Reloads the keys whenever the file changes. Runs until the future is dropped.
    pub async fn watch(self: Arc<Self>) {
        loop {
            sleep(EVERY).await;
            let keys = Arc::clone(&self);
            // The key watch of the application reports an unreadable file.
            #[expect(clippy::disallowed_methods, reason = "a file on a network disk may block for long")]
            let reloaded = spawn_blocking(move || keys.reload());
            let _ = reloaded.await;
        }
    }
}

impl CursorKeys for SigningKeys {
    fn cursor_keys(&self) -> Vec<CursorKey> {
        let keys = self.key_set();
        std::iter::once(keys.signer()).chain(keys.iter()).map(|key| key.cursors.clone()).collect()
    }
}

/// Adds a key that is published from now on, and signs from `signs_from` on. Returns its id.
///
/// # Errors
/// If the file cannot be read or written.
pub fn rotate(file: &KeyFile, signs_from: Timestamp) -> Result<String, TokenError> {
    let entry = Entry::generate(signs_from)?;
    let kid = entry.kid.clone();
    file.change::<Vec<Entry>, TokenError>(MEMBER, |found| {
        let mut entries = found.unwrap_or_default();
        entries.push(entry);
        Ok(entries)
    })?;
    Ok(kid)
}

/// Destroys a key. The tokens that it has signed are invalid from now on.
///
/// # Errors
/// [`TokenError::UnknownKey`]; [`TokenError::LastKey`] if the key signs now; or if the file cannot be read or written.
pub fn retire(file: &KeyFile, kid: &str) -> Result<(), TokenError> {
    file.change::<Vec<Entry>, TokenError>(MEMBER, |found| {
        let mut entries = found.unwrap_or_default();
        if !entries.iter().any(|entry| entry.kid == kid) {
            return Err(TokenError::UnknownKey);
        }
        if signer(&entries, Timestamp::now(), |entry| entry.signs_from).is_none_or(|entry| entry.kid == kid) {
            return Err(TokenError::LastKey);
        }
        entries.retain(|entry| entry.kid != kid);
        Ok(entries)
    })
}

/// All keys, each with whether it signs now.
///
/// # Errors
/// If the file cannot be read.
pub fn list(file: &KeyFile) -> Result<Vec<(SigningKey, bool)>, TokenError> {
    let key_set = read(file)?;
    let signs = key_set.signer().kid.clone();
    Ok(key_set
        .0
        .into_iter()
        .map(|key| {
            let is = key.kid == signs;
            (key, is)
        })
        .collect())
}

impl KeySet {
    /// The key that signs now: the one that began to sign last, or the first key if none has begun.
    pub(super) fn signer(&self) -> &SigningKey {
        signer(&self.0, Timestamp::now(), |key| key.signs_from).unwrap_or(&self.0[0])
    }

    /// The key with this id.
    pub(super) fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.kid == kid)
    }

    /// All keys, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        self.0.iter()
    }
}

/// The key that signs now. A time over [`PUBLISH_AHEAD`] in the future was written while the clock was ahead: such a
/// key may sign now, and every key with a right time takes precedence.
fn signer<K>(keys: &[K], now: Timestamp, from: impl Fn(&K) -> Timestamp) -> Option<&K> {
    let come = |key: &K| {
        let from = from(key);
        if from.is_ahead_of(now.plus(PUBLISH_AHEAD)) { Some(None) } else { (from <= now).then_some(Some(from)) }
    };
    keys.iter()
        .filter_map(|key| Some((come(key)?, key)))
        .max_by_key(|(from, _)| *from)
        .map(|(_, key)| key)
        .or_else(|| keys.first())
}

fn read(file: &KeyFile) -> Result<KeySet, TokenError> {
    let entries: Vec<Entry> = file.member(MEMBER)?.unwrap_or_default();
    let keys: Vec<_> = entries.into_iter().map(|entry| entry.key(file)).collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err(TokenError::NoKeys(file.path().to_owned()));
    }
    Ok(KeySet(keys))
}

impl Entry {
    fn generate(signs_from: Timestamp) -> Result<Self, TokenError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| TokenError::Crypto)?;
        let der = pair.to_pkcs8().map_err(|_| TokenError::Crypto)?;
        // As good as random, and can be computed from the key.
        let kid = pair.public_key().as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { kid, private: Secret::new(BASE64.encode(der.as_ref())), signs_from })
    }

    fn key(self, file: &KeyFile) -> Result<SigningKey, TokenError> {
        let unusable = || KeysError::Malformed {
            path: file.path().to_owned(),
            why: "one of its signing keys is not an Ed25519 key".to_owned(),
        };
        let der = Zeroizing::new(BASE64.decode(self.private.expose()).map_err(|_| unusable())?);
        let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|_| unusable())?;
        let x = BASE64.encode(pair.public_key().as_ref());
        let verifying = DecodingKey::from_ed_components(&x).map_err(|_| unusable())?;
        Ok(SigningKey {
            kid: self.kid,
            signs_from: self.signs_from,
            x,
            signing: EncodingKey::from_ed_der(&der),
            verifying,
            cursors: CursorKey::derive(&der),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{PUBLISH_AHEAD, signer};
    use kernel::Timestamp;
    use std::time::Duration;

    #[test]
    fn the_key_that_began_to_sign_last_signs() {
        let now = Timestamp::now();
        let ago =
            |seconds: i64| Timestamp::from_microsecond(now.as_microsecond() - seconds * 1_000_000).expect("a time");
        let signs = |keys: &[Timestamp]| signer(keys, now, |from| *from).copied();
        assert_eq!(signs(&[]), None);
        assert_eq!(
            signs(&[ago(20), ago(10), now.plus(PUBLISH_AHEAD)]),
            Some(ago(10)),
            "the newest key is only published yet"
        );
        assert_eq!(signs(&[now.plus(PUBLISH_AHEAD)]), Some(now.plus(PUBLISH_AHEAD)), "there is no other key");
    }

    #[test]
    fn any_other_key_takes_precedence_over_one_made_while_the_clock_was_ahead() {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
        let now = Timestamp::now();
        let signs = |keys: &[Timestamp]| signer(keys, now, |from| *from).copied();
        assert_eq!(signs(&[now, now.plus(CENTURY)]), Some(now));
        assert_eq!(signs(&[now.plus(CENTURY), now]), Some(now), "a key with a right time takes precedence");
        assert_eq!(signs(&[now.plus(CENTURY), now.plus(PUBLISH_AHEAD)]), Some(now.plus(CENTURY)));
        assert_eq!(signs(&[now.plus(PUBLISH_AHEAD), now.plus(CENTURY)]), Some(now.plus(CENTURY)), "it may sign now");
    }
}

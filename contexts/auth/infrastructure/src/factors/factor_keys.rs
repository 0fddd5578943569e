//! The keys of second factors, in the key file: the secrets of authenticator apps are sealed under them, and recovery
//! codes are stored as their MACs.

use crate::tokens::TokenError;
use auth_application::SealedTotpSecret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac as _};
use identity::UserId;
use kernel::{Secret, Timestamp};
use sealing::KeyFile;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// The member of the key file that holds the keys.
const MEMBER: &str = "factors";
const KEY_BYTES: usize = 32;
/// The length of a key's id, in bytes of its text.
const KID_LENGTH: usize = 16;

/// The keys that seal and open the secrets of authenticator apps: AES-256-GCM, bound to the user. Clones share them.
#[derive(Clone)]
pub struct FactorKeys {
    file: KeyFile,
    /// Distinguishes what this product seals, in the authenticated data.
    label: &'static [u8],
    keys: Arc<RwLock<Arc<[FactorKey]>>>,
}

struct FactorKey {
    kid: String,
    key: RandomizedNonceKey,
    /// Derived from the same secret, for recovery codes.
    mac: HmacSha256,
}

type HmacSha256 = Hmac<Sha256>;

/// A key in the form of the key file. The last one seals; every one opens.
#[derive(Serialize, Deserialize)]
struct FactorEntry {
    kid: String,
    #[serde(serialize_with = "expose")]
    key: Secret,
    created_at: Timestamp,
}

/// Serializes a key into the key file. No other code writes one out.
fn expose<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}

impl FactorKeys {
    /// Reads the keys, if the file has any.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(file: KeyFile, label: &'static [u8]) -> Result<Self, TokenError> {
        let keys = Arc::new(RwLock::new(read(&file)?));
        Ok(Self { file, label, keys })
    }

    /// Seals a secret for its user.
    ///
    /// # Errors
    /// When the file has no key.
    pub(crate) fn seal(&self, user: UserId, secret: &[u8]) -> Result<SealedTotpSecret, TokenError> {
        let keys = self.with(|keys| !keys.is_empty())?;
        let FactorKey { kid, key, .. } = keys.last().ok_or(TokenError::NoFactorKey)?;
        let mut sealed = kid.clone().into_bytes();
        let mut text = Zeroizing::new(secret.to_vec());
        let nonce = key.seal_in_place_append_tag(Aad::from(self.bound_to(user)), &mut *text);
        sealed.extend_from_slice(nonce.map_err(|_| TokenError::Crypto)?.as_ref());
        sealed.extend_from_slice(&text);
        Ok(SealedTotpSecret(sealed))
    }

    /// Opens a secret that was sealed for this user.
    ///
    /// # Errors
    /// When its key is not in the file, or it was altered or sealed for another user.
    pub(crate) fn unseal(&self, user: UserId, sealed: &SealedTotpSecret) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        let (kid, rest) = sealed.0.split_at_checked(KID_LENGTH).ok_or(TokenError::Crypto)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(TokenError::Crypto)?;
        let is_named = |key: &FactorKey| key.kid.as_bytes() == kid;
        let keys = self.with(|keys| keys.iter().any(is_named))?;
        let key = keys.iter().find(|key| is_named(key)).ok_or(TokenError::NoFactorKey)?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.key.open_in_place(nonce, Aad::from(self.bound_to(user)), &mut text);
        let length = opened.map_err(|_| TokenError::Crypto)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// The MAC of a text for a user, under the oldest key.
    ///
    /// # Errors
    /// When the file has no key.
    pub(crate) fn mac(&self, user: UserId, text: &Secret) -> Result<[u8; 32], TokenError> {
        let keys = self.with(|keys| !keys.is_empty())?;
        let FactorKey { mac, .. } = keys.first().ok_or(TokenError::NoFactorKey)?;
        let mac = mac.clone().chain_update(user.as_uuid().as_bytes()).chain_update(text.expose());
        Ok(mac.finalize().into_bytes().into())
    }

    /// An id of a passkey that does not exist, the same for a text at all times; `None` if the file has no key.
    pub(crate) fn decoy(&self, text: &str) -> Option<[u8; 32]> {
        let keys = self.with(|keys| !keys.is_empty()).ok()?;
        let mac = keys.first()?.mac.clone().chain_update(b"decoy\0").chain_update(text);
        Some(mac.finalize().into_bytes().into())
    }

    /// The keys. Reads the file again if those in memory are not enough: another process may have added one.
    fn with(&self, are_enough: impl Fn(&[FactorKey]) -> bool) -> Result<Arc<[FactorKey]>, TokenError> {
        let known = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        if are_enough(&known) {
            return Ok(known);
        }
        let found = read(&self.file)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&found);
        Ok(found)
    }

    fn bound_to(&self, user: UserId) -> Vec<u8> {
        [self.label, b"\0", user.as_uuid().as_bytes()].concat()
    }
}

/// Adds a key if the file has none.
///
/// # Errors
/// When the file cannot be read or written.
pub fn add_first(file: &KeyFile) -> Result<(), TokenError> {
    if file.member::<Vec<FactorEntry>>(MEMBER)?.is_some_and(|entries| !entries.is_empty()) {
        return Ok(());
    }
    // Check again under the lock: another process may have added one.
    file.change::<Vec<FactorEntry>, TokenError>(MEMBER, |found| match found {
        Some(entries) if !entries.is_empty() => Ok(entries),
        _ => Ok(vec![FactorEntry::generate()?]),
    })
}

/// The ids of all keys, each with its fingerprint, which tells nothing about the key.
///
/// # Errors
/// When the file cannot be read.
pub fn list(file: &KeyFile) -> Result<Vec<(String, String)>, TokenError> {
    let entries: Vec<FactorEntry> = file.member(MEMBER)?.unwrap_or_default();
    Ok(entries.into_iter().map(|entry| (entry.kid, fingerprint(entry.key.expose().as_bytes()))).collect())
}

fn fingerprint(bytes: &[u8]) -> String {
    BASE64.encode(Sha256::new().chain_update(b"factor key\0").chain_update(bytes).finalize())
}

fn read(file: &KeyFile) -> Result<Arc<[FactorKey]>, TokenError> {
    let entries: Vec<FactorEntry> = file.member(MEMBER)?.unwrap_or_default();
    entries.into_iter().map(FactorEntry::key).collect()
}

impl FactorEntry {
    fn generate() -> Result<Self, TokenError> {
        let (mut key, mut kid) = (Zeroizing::new([0; KEY_BYTES]), [0; KID_LENGTH / 2]);
        getrandom::fill(&mut key[..]).and_then(|()| getrandom::fill(&mut kid)).map_err(|_| TokenError::Crypto)?;
        let kid = kid.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { kid, key: Secret::new(BASE64.encode(&key[..])), created_at: Timestamp::now() })
    }

    fn key(self) -> Result<FactorKey, TokenError> {
        let bytes = Zeroizing::new(BASE64.decode(self.key.expose()).map_err(|_| TokenError::Crypto)?);
        if self.kid.len() != KID_LENGTH || bytes.len() != KEY_BYTES {
            return Err(TokenError::Crypto);
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| TokenError::Crypto)?;
        let derive = HmacSha256::new_from_slice(&bytes).map_err(|_| TokenError::Crypto)?;
        let derived = Zeroizing::new(derive.chain_update(b"recovery codes/v1").finalize().into_bytes().to_vec());
        let mac = HmacSha256::new_from_slice(&derived).map_err(|_| TokenError::Crypto)?;
        Ok(FactorKey { kid: self.kid, key, mac })
    }
}

#[cfg(test)]
mod tests {
    use super::{FactorKeys, add_first, list};
    use crate::tokens::TokenError;
    use identity::UserId;
    use sealing::Keys;

    const LABEL: &[u8] = b"test/totp/v1";

    #[test]
    fn a_secret_opens_only_for_its_user_and_unaltered() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = Keys::in_directory(folder.path()).expect("keys").file().clone();
        add_first(&file).expect("added");
        let keys = FactorKeys::open(file.clone(), LABEL).expect("keys");
        let [ada, eve] = [(); 2].map(|()| UserId::random());
        let sealed = keys.seal(ada, b"twenty random bytes!").expect("sealed");
        assert_eq!(&keys.unseal(ada, &sealed).expect("opened")[..], b"twenty random bytes!");
        assert!(keys.unseal(eve, &sealed).is_err(), "another user");
        for at in [0, 16, 30, sealed.0.len() - 1] {
            let mut altered = sealed.clone();
            altered.0[at] ^= 1;
            assert!(keys.unseal(ada, &altered).is_err(), "byte {at}");
        }
        let other = FactorKeys::open(file, b"another label").expect("keys");
        assert!(other.unseal(ada, &sealed).is_err(), "another label");
        assert!(!String::from_utf8_lossy(&sealed.0).contains("random"), "it cannot be read");
    }

    #[test]
    fn a_key_that_is_added_later_is_found_and_there_is_only_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = Keys::in_directory(folder.path()).expect("keys").file().clone();
        let keys = FactorKeys::open(file.clone(), LABEL).expect("keys");
        let ada = UserId::random();
        assert!(matches!(keys.seal(ada, b"secret"), Err(TokenError::NoFactorKey)));
        add_first(&file).expect("added");
        let first = list(&file).expect("listed");
        add_first(&file).expect("kept");
        assert_eq!(list(&file).expect("listed"), first);
        assert_eq!(first.len(), 1);
        let sealed = keys.seal(ada, b"secret").expect("sealed");
        assert_eq!(&keys.unseal(ada, &sealed).expect("opened")[..], b"secret");
        let text = std::fs::read_to_string(file.path()).expect("a file");
        assert!(text.contains("\"sealing\"") && !text.contains(&first[0].1), "the other keys stay");
    }
}

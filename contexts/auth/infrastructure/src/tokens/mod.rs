//! Tokens: what is signed and can be read, and what is random and says nothing.

mod access_token;
mod opaque;
pub mod signing_keys;

pub use access_token::{AccessTokens, Claims, Verified};
pub use opaque::{OpaqueToken, TokenKind};
pub use signing_keys::SigningKeys;

use sealing::KeysError;
use std::path::PathBuf;

/// Why there is no token, or no key for one.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The key file.
    #[error(transparent)]
    File(#[from] KeysError),
    /// A key file from outside that has none.
    #[error("the key file {0} has no signing keys: run `roster keys rotate` on it once")]
    NoKeys(PathBuf),
    /// There is no such key.
    #[error("there is no signing key of that name: `roster keys list` shows all")]
    UnknownKey,
    /// It is the one that signs.
    #[error("this key signs now: run `roster keys rotate` first, and wait until the new one signs")]
    LastKey,
    /// Randomness, or signing, failed.
    #[error("the system's cryptography does not work")]
    Crypto,
}

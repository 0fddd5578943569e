//! Tokens: signed access tokens, which can be read, and opaque random tokens.

mod access_token;
mod opaque;
pub mod signing_keys;

pub use access_token::{AccessTokens, Claims, Verified};
pub use opaque::{OpaqueToken, TokenKind};
pub use signing_keys::SigningKeys;

use sealing::KeysError;
use std::path::PathBuf;

/// Why a token or a signing key cannot be made, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The key file cannot be read or written.
    #[error(transparent)]
    File(#[from] KeysError),
    /// A key file that an operator provides has no signing keys.
    #[error("the key file {0} has no signing keys: run `roster keys rotate` on it once")]
    NoKeys(PathBuf),
    #[error("there is no signing key with this id: run `roster keys list` to see all keys")]
    UnknownKey,
    /// The key to remove signs tokens now.
    #[error("this key signs tokens now: run `roster keys rotate` first, and wait until the new key signs")]
    LastKey,
    /// The key file has no key for second factors, or not the one that is asked for.
    #[error("the key file lacks the key that second factors are sealed under: run `roster check`")]
    NoFactorKey,
    /// The system gives no random bytes, or signing, encryption or decryption failed.
    #[error("a cryptographic operation failed")]
    Crypto,
}

use serde::{Deserialize, Serialize};

/// A secret sealed for the workers. Safe to store, send and log: only who holds
/// the private key `kid` can open it later, and only for the message it was sealed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// How it is sealed.
    pub alg: String,
    /// The id of the key it was sealed to.
    pub kid: String,
    /// What the key comes from that opens the ciphertext, base64url without padding.
    pub enc: String,
    /// The ciphertext, base64url without padding.
    pub ct: String,
}

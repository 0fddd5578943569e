use serde::{Deserialize, Serialize};

/// A secret that is sealed for the workers. It is safe to store, send and log: only a holder of the private key `kid`
/// can open it, and only for the message for which it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The name of the sealing algorithm.
    pub alg: String,
    /// The id of the key that opens the secret.
    pub kid: String,
    /// The encapsulated key, from which the key of the ciphertext is derived; base64url without padding.
    pub enc: String,
    /// The ciphertext, base64url without padding.
    pub ct: String,
}

use serde::{Deserialize, Serialize};

/// The SHA-256 hash of a token that a mail carries in its link. Only the hash is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MailTokenHash(pub [u8; 32]);

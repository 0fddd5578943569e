/// Why a registration or an assertion is rejected. It never quotes the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// A part of the response does not have its form, or is too long.
    #[error("the {0} of the passkey's response is malformed")]
    Malformed(&'static str),
    /// A registration was sent as an assertion, or the other way round.
    #[error("the response belongs to another ceremony")]
    WrongType,
    /// The response answers another challenge.
    #[error("the response answers another challenge")]
    WrongChallenge,
    /// The page that ran the ceremony is not one of the relying party.
    #[error("the response was made on a page of another origin")]
    WrongOrigin,
    /// The ceremony ran in a frame within a page of another origin.
    #[error("the response was made in a frame of another origin")]
    CrossOrigin,
    /// The passkey belongs to another relying party.
    #[error("the passkey belongs to another relying party")]
    WrongRelyingParty,
    /// The authenticator did not see that a person is present.
    #[error("the authenticator did not check that a person is present")]
    UserNotPresent,
    /// The authenticator did not verify the person, by a PIN or a fingerprint for example.
    #[error("the authenticator did not verify the person")]
    UserNotVerified,
    /// The flags say that a credential is backed up that cannot be.
    #[error("the flags for backup contradict each other")]
    InconsistentBackup,
    /// A credential cannot change whether it may be backed up.
    #[error("the passkey changed whether it can be backed up")]
    BackupEligibilityChanged,
    /// The key is for an algorithm that the options do not offer.
    #[error("the algorithm of the passkey is not supported")]
    UnsupportedAlgorithm,
    /// The public key is not a valid key of its algorithm, or too weak.
    #[error("the public key of the passkey is not valid")]
    InvalidKey,
    /// The signature is not the one of the stored key over this response.
    #[error("the signature of the passkey is wrong")]
    WrongSignature,
    /// The counter did not grow, so a copy of the authenticator may exist. The signature is valid.
    #[error("the counter of the passkey went from {stored} to {received}, so a copy of it may exist")]
    CounterBackwards {
        /// The counter of the last accepted assertion.
        stored: u32,
        /// The counter of this assertion.
        received: u32,
    },
    /// The stored public key is not one that this crate returned.
    #[error("the stored public key cannot be read")]
    StoredKeyUnreadable,
}

impl CeremonyError {
    /// A stable name for logs, metrics and audit entries.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::WrongType => "wrong_type",
            Self::WrongChallenge => "wrong_challenge",
            Self::WrongOrigin => "wrong_origin",
            Self::CrossOrigin => "cross_origin",
            Self::WrongRelyingParty => "wrong_relying_party",
            Self::UserNotPresent => "user_not_present",
            Self::UserNotVerified => "user_not_verified",
            Self::InconsistentBackup => "inconsistent_backup",
            Self::BackupEligibilityChanged => "backup_eligibility_changed",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::InvalidKey => "invalid_key",
            Self::WrongSignature => "wrong_signature",
            Self::CounterBackwards { .. } => "counter_backwards",
            Self::StoredKeyUnreadable => "stored_key_unreadable",
        }
    }
}

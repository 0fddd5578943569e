use kernel::DomainError;

kernel::id! {
    /// The id of a passkey, by which its user removes it. Authenticators do not know it.
    PasskeyId
}

kernel::text! {
    /// The name that a user gives a passkey.
    PasskeyName, 100
}

impl Default for PasskeyName {
    /// For a passkey whose user chose no name, and whose model is not known.
    fn default() -> Self {
        Self("Passkey".to_owned())
    }
}

/// The most passkeys of one user.
pub const MOST_PASSKEYS: i64 = 20;

/// Why a passkey is not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyConflict {
    /// This passkey is registered, for this user or another one.
    #[error("this passkey is registered already")]
    Registered,
    #[error("you have {MOST_PASSKEYS} passkeys: remove one first")]
    TooMany,
}

impl DomainError for PasskeyConflict {
    fn code(&self) -> &'static str {
        match self {
            Self::Registered => "passkey_registered",
            Self::TooMany => "too_many_passkeys",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PasskeyConflict;
    use kernel::DomainError as _;

    #[test]
    fn each_conflict_has_a_code() {
        let codes = [PasskeyConflict::Registered, PasskeyConflict::TooMany].map(|why| why.code());
        assert_eq!(codes, ["passkey_registered", "too_many_passkeys"]);
    }
}

//! A browser asks for a challenge, to add a passkey or to use one.

use crate::{Auth, Authority, PasskeyPurpose, TokenHash, UseCase};
use use_case::Unavailable;

/// A use case: store a challenge for a ceremony.
#[derive(Clone)]
pub struct BeginPasskey {
    /// The hash of the challenge.
    pub challenge: TokenHash,
    pub purpose: PasskeyPurpose,
    /// `None` for a sign-in.
    pub by: Option<Authority>,
}

impl UseCase for BeginPasskey {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        self.by.as_ref()
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        store.add_passkey_challenge(&self.challenge, self.purpose).await
    }
}

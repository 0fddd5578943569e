use crate::authenticator_data::AuthenticatorData;
use crate::client_data::{self, Ceremony};
use crate::credential_key::CredentialKey;
use crate::error::CeremonyError;
use crate::options::UserVerification;
use crate::relying_party::RelyingParty;
use crate::response::AuthenticationResponse;
use aws_lc_rs::digest::{SHA256, digest};

/// What was stored of the credential that [`AuthenticationResponse::credential_id`] names.
#[derive(Debug, Clone, Copy)]
pub struct StoredCredential<'a> {
    /// [`RegisteredCredential::public_key`](crate::RegisteredCredential::public_key).
    pub public_key: &'a [u8],
    /// The counter of the registration, or of the last accepted assertion.
    pub counter: u32,
    /// [`RegisteredCredential::backup_eligible`](crate::RegisteredCredential::backup_eligible).
    pub backup_eligible: bool,
}

/// The result of an authentication, to be stored with the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// The new counter.
    pub counter: u32,
    /// Whether the credential is backed up now.
    pub backup_state: bool,
    /// Whether the authenticator verified the person.
    pub user_verified: bool,
}

/// Verifies an assertion (section 7.2), for the credential that the response names.
///
/// `challenge` is the one of the options. It MUST NOT be accepted again, whatever the result is.
///
/// # Errors
/// The first check that fails, in the order of the specification. [`CeremonyError::CounterBackwards`] comes last, so
/// all other checks succeeded.
pub fn verify_authentication(
    party: &RelyingParty,
    challenge: &[u8],
    user_verification: UserVerification,
    stored: &StoredCredential<'_>,
    response: &AuthenticationResponse,
) -> Result<VerifiedAssertion, CeremonyError> {
    response.check_id()?;
    let key = CredentialKey::restore(stored.public_key)?;
    let assertion = &response.response;
    client_data::check(&assertion.client_data, Ceremony::Get, challenge, party)?;
    let data = AuthenticatorData::parse(&assertion.authenticator_data)?;
    data.check(party, user_verification)?;
    if data.backup_eligible() != stored.backup_eligible {
        return Err(CeremonyError::BackupEligibilityChanged);
    }
    let signed = [&*assertion.authenticator_data, digest(&SHA256, &assertion.client_data).as_ref()].concat();
    if !key.verifies(&signed, &assertion.signature) {
        return Err(CeremonyError::WrongSignature);
    }
    let counts = data.counter != 0 || stored.counter != 0;
    if counts && data.counter <= stored.counter {
        return Err(CeremonyError::CounterBackwards { stored: stored.counter, received: data.counter });
    }
    Ok(VerifiedAssertion {
        counter: data.counter,
        backup_state: data.backup_state(),
        user_verified: data.user_verified(),
    })
}

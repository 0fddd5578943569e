use crate::authenticator_data::AuthenticatorData;
use crate::cbor::Cbor;
use crate::client_data::{self, Ceremony};
use crate::credential_key::{CredentialAlgorithm, CredentialKey};
use crate::error::CeremonyError;
use crate::options::UserVerification;
use crate::relying_party::RelyingParty;
use crate::response::RegistrationResponse;
use uuid::Uuid;

/// A credential that was registered, to be stored (section 4, "credential record").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredCredential {
    /// The credential id: 1 to 1023 bytes, unique among all credentials of the relying party.
    pub id: Vec<u8>,
    /// The public key as a COSE key in canonical form, for [`StoredCredential`](crate::StoredCredential).
    pub public_key: Vec<u8>,
    /// The algorithm of the key.
    pub algorithm: CredentialAlgorithm,
    /// The counter. 0 if the authenticator does not count.
    pub counter: u32,
    /// The model of the authenticator, as it says. All zeros if it does not say.
    pub aaguid: Uuid,
    /// Whether the credential may be backed up, such as by a synchronised account. It never changes.
    pub backup_eligible: bool,
    /// Whether the credential is backed up now.
    pub backup_state: bool,
    /// How the authenticator can be reached, such as `usb` or `internal`: sorted, without doubles. The browser says
    /// so, and nothing proves it.
    pub transports: Vec<String>,
    /// Whether the authenticator verified the person.
    pub user_verified: bool,
    /// Whether the credential can be used without naming it first. `None` if the browser does not know.
    pub discoverable: Option<bool>,
}

/// Verifies a registration (section 7.1).
///
/// `challenge` is the one of the options, which this call consumes in the view of the caller: it MUST NOT be accepted
/// again, whatever the result is.
///
/// # Errors
/// The first check that fails, in the order of the specification.
pub fn verify_registration(
    party: &RelyingParty,
    challenge: &[u8],
    user_verification: UserVerification,
    response: &RegistrationResponse,
) -> Result<RegisteredCredential, CeremonyError> {
    let id = response.credential_id()?;
    client_data::check(&response.response.client_data, Ceremony::Create, challenge, party)?;
    let data = AuthenticatorData::parse(authenticator_data(&response.response.attestation_object)?)?;
    data.check(party, user_verification)?;
    let attested = data.attested.as_ref().ok_or(CeremonyError::Malformed("attested credential"))?;
    if attested.id != id {
        return Err(CeremonyError::Malformed("credential id"));
    }
    let key = CredentialKey::parse(&attested.key)?;
    Ok(RegisteredCredential {
        id: id.to_vec(),
        public_key: key.stored(),
        algorithm: key.algorithm(),
        counter: data.counter,
        aaguid: attested.aaguid,
        backup_eligible: data.backup_eligible(),
        backup_state: data.backup_state(),
        transports: response.response.transports.clone(),
        user_verified: data.user_verified(),
        discoverable: response.discoverable(),
    })
}

/// Takes the authenticator data out of an attestation object (section 6.5).
fn authenticator_data(object: &[u8]) -> Result<&[u8], CeremonyError> {
    const MALFORMED: CeremonyError = CeremonyError::Malformed("attestation object");
    let object = Cbor::read(object).map_err(|_| MALFORMED)?;
    let (Some(Cbor::Text(format)), Some(statement), Some(Cbor::Bytes(data))) =
        (object.get(&Cbor::Text("fmt")), object.get(&Cbor::Text("attStmt")), object.get(&Cbor::Text("authData")))
    else {
        return Err(MALFORMED);
    };
    let is_well_formed = match (*format, statement) {
        ("none", Cbor::Map(entries)) => entries.is_empty(),
        ("compound", statement) => matches!(statement, Cbor::Array(_)),
        (_, statement) => matches!(statement, Cbor::Map(_)),
    };
    is_well_formed.then_some(*data).ok_or(MALFORMED)
}

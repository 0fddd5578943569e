use crate::base64url;
use crate::error::CeremonyError;
use crate::{RelyingParty, SHORTEST_CHALLENGE};
use serde::Deserialize;

/// The members of the client data that a relying party verifies (section 5.8.1). Others may follow in the future.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CollectedClientData {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<String>,
}

/// The kind of a ceremony.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ceremony {
    Create,
    Get,
}

impl Ceremony {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// The longest challenge that is read, in bytes. Ours are shorter.
const MAX_CHALLENGE: usize = 1024;

/// Reads the challenge, without any other check.
pub(crate) fn challenge(json: &[u8]) -> Result<Vec<u8>, CeremonyError> {
    const MALFORMED: CeremonyError = CeremonyError::Malformed("client data");
    let data: CollectedClientData = serde_json::from_slice(json).map_err(|_| MALFORMED)?;
    base64url::decode(&data.challenge, MAX_CHALLENGE).ok_or(MALFORMED)
}

/// Verifies the client data (sections 7.1 and 7.2).
pub(crate) fn check(
    json: &[u8],
    ceremony: Ceremony,
    challenge: &[u8],
    party: &RelyingParty,
) -> Result<(), CeremonyError> {
    let data: CollectedClientData =
        serde_json::from_slice(json).map_err(|_| CeremonyError::Malformed("client data"))?;
    if data.ceremony != ceremony.name() {
        return Err(CeremonyError::WrongType);
    }
    // A caller that lost its challenge must not accept a response to an empty one.
    if challenge.len() < SHORTEST_CHALLENGE || data.challenge != base64url::encode(challenge) {
        return Err(CeremonyError::WrongChallenge);
    }
    if !party.accepts(&data.origin) {
        return Err(CeremonyError::WrongOrigin);
    }
    if data.cross_origin == Some(true) || data.top_origin.is_some() {
        return Err(CeremonyError::CrossOrigin);
    }
    Ok(())
}

use auth_application::{
    MadePasskey, Passkey, PasskeyCeremonies, PasskeyRefused, PasskeyResponse, PasskeyUse, TokenHash,
};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use webauthn::{
    AuthenticationResponse, CeremonyError, RegistrationResponse, RelyingParty, StoredCredential, UserVerification,
    authenticator_name, verify_authentication, verify_registration,
};

/// Verifies what browsers return, for one relying party. Without one, it refuses everything.
#[derive(Clone)]
pub struct WebauthnCeremonies(pub Option<Arc<RelyingParty>>);

impl WebauthnCeremonies {
    fn party(&self) -> Result<&RelyingParty, PasskeyRefused> {
        self.0.as_deref().ok_or(PasskeyRefused("not_configured"))
    }
}

impl PasskeyCeremonies for WebauthnCeremonies {
    fn challenge_of(&self, response: &PasskeyResponse) -> Result<TokenHash, PasskeyRefused> {
        let challenge = match parse::<RegistrationResponse>(response) {
            Ok(made) => made.challenge(),
            Err(_) => parse::<AuthenticationResponse>(response)?.challenge(),
        };
        challenge.map(|challenge| hash(&challenge)).map_err(refused)
    }

    fn credential_of(&self, response: &PasskeyResponse) -> Result<Vec<u8>, PasskeyRefused> {
        Ok(parse::<AuthenticationResponse>(response)?.credential_id().to_vec())
    }

    fn verify_new(&self, response: &PasskeyResponse) -> Result<MadePasskey, PasskeyRefused> {
        let response: RegistrationResponse = parse(response)?;
        // The store has found the challenge by its hash.
        let challenge = response.challenge().map_err(refused)?;
        let made = verify_registration(self.party()?, &challenge, UserVerification::Required, &response);
        let made = made.map_err(refused)?;
        Ok(MadePasskey {
            credential: made.id,
            public_key: made.public_key,
            counter: made.counter,
            model: authenticator_name(made.aaguid),
            aaguid: made.aaguid,
            backup_eligible: made.backup_eligible,
            backed_up: made.backup_state,
            transports: made.transports,
        })
    }

    fn verify_use(&self, passkey: &Passkey, response: &PasskeyResponse) -> Result<PasskeyUse, PasskeyRefused> {
        let response: AuthenticationResponse = parse(response)?;
        if response.user_handle().is_some_and(|handle| handle != passkey.user.as_uuid().as_bytes()) {
            return Err(PasskeyRefused("wrong_user_handle"));
        }
        let challenge = response.challenge().map_err(refused)?;
        let stored = StoredCredential {
            public_key: &passkey.public_key,
            counter: passkey.counter,
            backup_eligible: passkey.backup_eligible,
        };
        let used = verify_authentication(self.party()?, &challenge, UserVerification::Preferred, &stored, &response);
        let used = used.map_err(refused)?;
        Ok(PasskeyUse { counter: used.counter, backed_up: used.backup_state, is_user_verified: used.user_verified })
    }
}

/// The stored form of a challenge.
pub(crate) fn hash(challenge: &[u8]) -> TokenHash {
    TokenHash(Sha256::digest(challenge).into())
}

fn parse<T: DeserializeOwned>(PasskeyResponse(json): &PasskeyResponse) -> Result<T, PasskeyRefused> {
    serde_json::from_str(json).map_err(|_| PasskeyRefused("malformed"))
}

fn refused(why: CeremonyError) -> PasskeyRefused {
    PasskeyRefused(why.code())
}

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::Duration;
use webauthn::testing::SoftAuthenticator;
use webauthn::{
    AuthenticationResponse, CreationRequest, RegisteredCredential, RegistrationResponse, RelyingParty,
    StoredCredential, UserEntity, UserVerification, creation_options, request_options, verify_authentication,
    verify_registration,
};

/// The challenge of both ceremonies.
const CHALLENGE: [u8; 32] = [0x5c; 32];
/// The binary parts of an assertion, which seeds name in braces.
const PARTS: [&str; 3] = ["authenticatorData", "clientDataJSON", "signature"];

/// A passkey of this process, and its only genuine answers.
struct Passkey {
    party: RelyingParty,
    stored: RegisteredCredential,
    registration: Value,
    assertion: Value,
}

static PASSKEY: LazyLock<Passkey> = LazyLock::new(|| {
    let party = RelyingParty::parse("example.org", "Example", &["https://example.org"]).expect("a relying party");
    let mut authenticator = SoftAuthenticator::new("https://example.org");
    let (verification, timeout) = (UserVerification::Preferred, Duration::from_secs(60));
    let request = CreationRequest {
        challenge: CHALLENGE.to_vec(),
        user: UserEntity { id: vec![7; 16], name: "ada".into(), display_name: String::new() },
        exclude: Vec::new(),
        user_verification: verification,
        hints: Vec::new(),
        timeout,
    };
    let options = serde_json::to_value(creation_options(&party, request)).expect("JSON");
    let registration = authenticator.create(&options).expect("a passkey");
    let response: RegistrationResponse = serde_json::from_value(registration.clone()).expect("a response");
    let stored = verify_registration(&party, &CHALLENGE, verification, &response).expect("registered");
    let options = request_options(&party, &CHALLENGE, Vec::new(), verification, timeout);
    let assertion = authenticator.get(&serde_json::to_value(options).expect("JSON")).expect("an assertion");
    Passkey { party, stored, registration, assertion }
});

/// Checks that no attestation object makes the reader panic, and that an accepted one gives a key in the only
/// spelling, which verifies nothing that the genuine passkey signed unless it is the genuine key.
///
/// # Panics
/// When the property does not hold.
pub fn attestation_object(bytes: &[u8]) {
    let passkey = &*PASSKEY;
    let mut answer = passkey.registration.clone();
    answer["response"]["attestationObject"] = json!(BASE64.encode(bytes));
    // The id stands after 55 bytes of authenticator data, of whatever length: give the answer the same one.
    let id = attested_id(bytes).unwrap_or(&passkey.stored.id);
    answer["id"] = json!(BASE64.encode(id));
    answer["rawId"] = answer["id"].clone();
    let Ok(response) = serde_json::from_value::<RegistrationResponse>(answer) else { return };
    let verified = verify_registration(&passkey.party, &CHALLENGE, UserVerification::Discouraged, &response);
    let Ok(credential) = verified else { return };
    assert!((1..=1023).contains(&credential.id.len()));
    assert!(credential.backup_eligible || !credential.backup_state);
    let response: AuthenticationResponse = serde_json::from_value(passkey.assertion.clone()).expect("a response");
    let stored = StoredCredential {
        public_key: &credential.public_key,
        counter: 0,
        backup_eligible: passkey.stored.backup_eligible,
    };
    let verified = verify_authentication(&passkey.party, &CHALLENGE, UserVerification::Preferred, &stored, &response);
    assert_ne!(verified.map_err(|error| error.code()), Err("stored_key_unreadable"));
    assert_eq!(verified.is_ok(), credential.public_key == passkey.stored.public_key);
}

/// The credential id in an attestation object, if it begins where it does in genuine ones.
fn attested_id(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.windows(8).position(|name| name == b"authData")? + 8;
    let data = match bytes.get(start)? {
        0x58 => bytes.get(start + 2..)?,
        0x59 => bytes.get(start + 3..)?,
        _ => return None,
    };
    let length = u16::from_be_bytes(*data.get(53..55)?.first_chunk()?);
    data.get(55..55 + usize::from(length))
}

/// Checks that only the genuine assertion is accepted, byte for byte. The input is the JSON of a response. In it,
/// `{id}` and the names of the binary parts in braces are replaced by those of the genuine assertion.
///
/// # Panics
/// When the property does not hold.
pub fn assertion(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let passkey = &*PASSKEY;
    let genuine = |name: &str| passkey.assertion["response"][name].as_str().expect("a part");
    let text = text.replace("{id}", passkey.assertion["id"].as_str().expect("an id"));
    let text = PARTS.iter().fold(text, |text, name| text.replace(&format!("{{{name}}}"), genuine(name)));
    let Ok(response) = serde_json::from_str::<AuthenticationResponse>(&text) else { return };
    let stored = StoredCredential {
        public_key: &passkey.stored.public_key,
        counter: passkey.stored.counter,
        backup_eligible: passkey.stored.backup_eligible,
    };
    let accepted =
        verify_authentication(&passkey.party, &CHALLENGE, UserVerification::Preferred, &stored, &response).is_ok();
    if accepted {
        let answer: Value = serde_json::from_str(&text).expect("it was read before");
        for name in PARTS {
            assert_eq!(answer["response"][name], genuine(name), "{name}");
        }
    }
}

//! The test vectors of Web Authentication Level 3, section 16.

use super::BASE64;
use base64::Engine as _;
use serde_json::{Value, json};
use webauthn::{
    AuthenticationResponse, CeremonyError, RegisteredCredential, RegistrationResponse, RelyingParty, StoredCredential,
    UserVerification, VerifiedAssertion, verify_authentication, verify_registration,
};

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap()).collect()
}

fn base64(hex: &Value) -> String {
    BASE64.encode(bytes(hex))
}

fn party() -> RelyingParty {
    RelyingParty::parse("example.org", "Example", &["https://example.org"]).unwrap()
}

fn register(vector: &Value) -> Result<RegisteredCredential, CeremonyError> {
    let registration = &vector["registration"];
    let id = base64(&registration["credential_id"]);
    let answer = json!({
        "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
        "response": {
            "clientDataJSON": base64(&registration["clientDataJSON"]),
            "attestationObject": base64(&registration["attestationObject"]),
        },
    });
    let response: RegistrationResponse = serde_json::from_value(answer).unwrap();
    verify_registration(&party(), &bytes(&registration["challenge"]), UserVerification::Preferred, &response)
}

fn authenticate(vector: &Value, credential: &RegisteredCredential) -> Result<VerifiedAssertion, CeremonyError> {
    let authentication = &vector["authentication"];
    let id = base64(&vector["registration"]["credential_id"]);
    let answer = json!({
        "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
        "response": {
            "clientDataJSON": base64(&authentication["clientDataJSON"]),
            "authenticatorData": base64(&authentication["authenticatorData"]),
            "signature": base64(&authentication["signature"]),
        },
    });
    let response: AuthenticationResponse = serde_json::from_value(answer).unwrap();
    let stored = StoredCredential {
        public_key: &credential.public_key,
        counter: credential.counter,
        backup_eligible: credential.backup_eligible,
    };
    verify_authentication(
        &party(),
        &bytes(&authentication["challenge"]),
        UserVerification::Preferred,
        &stored,
        &response,
    )
}

/// What the crate says of a vector: `None` if both ceremonies succeed.
fn rejection(vector: &Value) -> Option<&'static str> {
    match vector["name"].as_str().unwrap() {
        "none-es256-crossOrigin" | "none-es256-topOrigin" => Some("cross_origin"),
        "packed-es384" | "packed-es512" => Some("unsupported_algorithm"),
        _ => None,
    }
}

#[test]
fn registrations_of_the_specification_are_accepted_or_rejected_for_the_right_reason() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 14);
    for vector in &vectors {
        let name = &vector["name"];
        let registered = register(vector);
        assert_eq!(registered.as_ref().err().map(|error| error.code()), rejection(vector), "{name}");
        let Ok(credential) = registered else { continue };
        let registration = &vector["registration"];
        assert_eq!(credential.id, bytes(&registration["credential_id"]), "{name}");
        assert_eq!(credential.aaguid.as_bytes().as_slice(), bytes(&registration["aaguid"]), "{name}");
        assert_eq!(credential.algorithm.cose_id(), vector["algorithm"].as_i64().unwrap(), "{name}");
        assert_eq!((credential.counter, credential.discoverable), (0, None), "{name}");
        // The keys of the vectors are canonical, and the attestation object ends with the key.
        let attestation = bytes(&registration["attestationObject"]);
        assert!(attestation.ends_with(&credential.public_key), "{name}");
    }
    assert_eq!(vectors.iter().filter(|vector| rejection(vector).is_none()).count(), 10);
}

#[test]
fn assertions_of_the_specification_are_accepted() {
    for vector in vectors().iter().filter(|vector| rejection(vector).is_none()) {
        let credential = register(vector).unwrap();
        let flags = bytes(&vector["authentication"]["authenticatorData"])[32];
        let expected =
            VerifiedAssertion { counter: 0, backup_state: flags & 0x10 != 0, user_verified: flags & 0x04 != 0 };
        assert_eq!(authenticate(vector, &credential), Ok(expected), "{}", vector["name"]);
    }
}

#[test]
fn assertions_from_frames_of_other_origins_are_rejected() {
    let vectors = vectors();
    let credential = register(&vectors[0]).unwrap();
    let in_frames: Vec<_> = vectors.iter().filter(|vector| rejection(vector) == Some("cross_origin")).collect();
    assert_eq!(in_frames.len(), 2);
    for vector in in_frames {
        assert_eq!(authenticate(vector, &credential), Err(CeremonyError::CrossOrigin), "{}", vector["name"]);
    }
}

#[test]
fn an_assertion_does_not_fit_the_key_of_another_vector() {
    let accepted: Vec<_> = vectors().into_iter().filter(|vector| rejection(vector).is_none()).collect();
    for vector in &accepted {
        for other in accepted.iter().filter(|other| other["name"] != vector["name"]) {
            let mut credential = register(other).unwrap();
            credential.backup_eligible = register(vector).unwrap().backup_eligible;
            let result = authenticate(vector, &credential);
            assert_eq!(result, Err(CeremonyError::WrongSignature), "{} {}", vector["name"], other["name"]);
        }
    }
}

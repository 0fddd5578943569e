//! Both ceremonies, from the options to the verdict.
#![expect(clippy::unwrap_used, reason = "a step that does not work fails the test")]

mod authentication;
mod options;
mod registration;
mod vectors;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::Value;
use std::time::Duration;
use webauthn::testing::SoftAuthenticator;
use webauthn::{
    AuthenticationResponse, CeremonyError, CreationRequest, RegisteredCredential, RegistrationResponse, RelyingParty,
    StoredCredential, UserEntity, UserVerification, VerifiedAssertion, creation_options, request_options,
    verify_authentication, verify_registration,
};

const ORIGIN: &str = "https://www.example.com";
const CHALLENGE: [u8; 32] = [0x5c; 32];
const HANDLE: [u8; 16] = *b"a random handle.";

fn party() -> RelyingParty {
    RelyingParty::parse("example.com", "Example", &[ORIGIN, "https://example.com"]).unwrap()
}

fn creation_request() -> CreationRequest {
    CreationRequest {
        challenge: CHALLENGE.to_vec(),
        user: UserEntity { id: HANDLE.to_vec(), name: "ada@example.com".into(), display_name: "Ada".into() },
        exclude: Vec::new(),
        user_verification: UserVerification::Required,
        hints: Vec::new(),
        timeout: Duration::from_secs(300),
    }
}

/// The options of a registration, as the browser gets them.
fn creation() -> Value {
    serde_json::to_value(creation_options(&party(), creation_request())).unwrap()
}

/// The options of an authentication, as the browser gets them.
fn request() -> Value {
    let timeout = Duration::from_secs(300);
    serde_json::to_value(request_options(&party(), &CHALLENGE, Vec::new(), UserVerification::Required, timeout))
        .unwrap()
}

fn register_as(answer: &Value, wanted: UserVerification) -> Result<RegisteredCredential, CeremonyError> {
    let response: RegistrationResponse = serde_json::from_value(answer.clone()).unwrap();
    verify_registration(&party(), &CHALLENGE, wanted, &response)
}

fn register(answer: &Value) -> Result<RegisteredCredential, CeremonyError> {
    register_as(answer, UserVerification::Required)
}

fn authenticate(credential: &RegisteredCredential, answer: &Value) -> Result<VerifiedAssertion, CeremonyError> {
    let response: AuthenticationResponse = serde_json::from_value(answer.clone()).unwrap();
    verify_authentication(&party(), &CHALLENGE, UserVerification::Required, &stored(credential), &response)
}

fn stored(credential: &RegisteredCredential) -> StoredCredential<'_> {
    StoredCredential {
        public_key: &credential.public_key,
        counter: credential.counter,
        backup_eligible: credential.backup_eligible,
    }
}

/// An authenticator with one passkey, and the passkey as it was stored.
fn registered() -> (SoftAuthenticator, RegisteredCredential) {
    let mut authenticator = SoftAuthenticator::new(ORIGIN);
    let answer = authenticator.create(&creation()).unwrap();
    (authenticator, register(&answer).unwrap())
}

/// A binary part of an answer.
fn part(answer: &Value, name: &str) -> Vec<u8> {
    BASE64.decode(answer["response"][name].as_str().unwrap()).unwrap()
}

/// The answer with another binary part.
fn with_part(answer: &Value, name: &str, bytes: &[u8]) -> Value {
    let mut answer = answer.clone();
    answer["response"][name] = Value::String(BASE64.encode(bytes));
    answer
}

/// The answer with other client data.
fn with_client_data(answer: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut data: Value = serde_json::from_slice(&part(answer, "clientDataJSON")).unwrap();
    change(&mut data);
    with_part(answer, "clientDataJSON", data.to_string().as_bytes())
}

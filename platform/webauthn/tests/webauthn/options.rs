use super::{BASE64, CHALLENGE, HANDLE, creation, creation_request, party};
use base64::Engine as _;
use serde_json::json;
use std::time::Duration;
use webauthn::{AuthenticatorHint, CredentialDescriptor, UserVerification, creation_options, request_options};

#[test]
fn creation_options_have_the_json_form_of_level_3() {
    let expected = json!({
        "rp": { "id": "example.com", "name": "Example" },
        "user": { "id": BASE64.encode(HANDLE), "name": "ada@example.com", "displayName": "Ada" },
        "challenge": BASE64.encode(CHALLENGE),
        "pubKeyCredParams": [
            { "type": "public-key", "alg": -7 },
            { "type": "public-key", "alg": -8 },
            { "type": "public-key", "alg": -257 },
        ],
        "timeout": 300_000,
        "excludeCredentials": [],
        "authenticatorSelection": {
            "residentKey": "preferred",
            "requireResidentKey": false,
            "userVerification": "required",
        },
        "attestation": "none",
        "extensions": { "credProps": true },
    });
    assert_eq!(creation(), expected);
}

#[test]
fn hints_and_known_credentials_are_named() {
    let mut request = creation_request();
    request.hints = vec![AuthenticatorHint::SecurityKey, AuthenticatorHint::ClientDevice, AuthenticatorHint::Hybrid];
    request.exclude = vec![
        CredentialDescriptor { id: vec![1, 2, 3], transports: vec!["usb".into()] },
        CredentialDescriptor { id: vec![4], transports: Vec::new() },
    ];
    let options = serde_json::to_value(creation_options(&party(), request)).unwrap();
    assert_eq!(options["hints"], json!(["security-key", "client-device", "hybrid"]));
    let known = json!([
        { "type": "public-key", "id": "AQID", "transports": ["usb"] },
        { "type": "public-key", "id": "BA" },
    ]);
    assert_eq!(options["excludeCredentials"], known);
}

#[test]
fn request_options_have_the_json_form_of_level_3() {
    let allow = vec![CredentialDescriptor { id: vec![1, 2, 3], transports: vec!["internal".into()] }];
    let timeout = Duration::from_millis(1500);
    let options = request_options(&party(), &CHALLENGE, allow, UserVerification::Preferred, timeout);
    let expected = json!({
        "challenge": BASE64.encode(CHALLENGE),
        "timeout": 1500,
        "rpId": "example.com",
        "allowCredentials": [{ "type": "public-key", "id": "AQID", "transports": ["internal"] }],
        "userVerification": "preferred",
    });
    assert_eq!(serde_json::to_value(options).unwrap(), expected);
}

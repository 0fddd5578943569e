use super::{
    CHALLENGE, ORIGIN, creation, creation_request, part, party, register, register_as, registered, with_client_data,
    with_part,
};
use base64::Engine as _;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;
use webauthn::testing::SoftAuthenticator;
use webauthn::{
    CeremonyError, CredentialAlgorithm, CredentialDescriptor, RegistrationResponse, UserVerification, creation_options,
    verify_registration,
};

/// A registration by an authenticator that does something else than usual.
fn answer_of(change: impl FnOnce(&mut SoftAuthenticator)) -> Value {
    let mut authenticator = SoftAuthenticator::new(ORIGIN);
    change(&mut authenticator);
    authenticator.create(&creation()).unwrap()
}

/// An attestation object in the order of CTAP2.
fn attestation(format: &str, statement: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    let mut object = vec![0xa3, 0x63];
    object.extend_from_slice(b"fmt");
    object.push(0x60 | u8::try_from(format.len()).unwrap());
    object.extend_from_slice(format.as_bytes());
    object.push(0x67);
    object.extend_from_slice(b"attStmt");
    object.extend_from_slice(statement);
    object.push(0x68);
    object.extend_from_slice(b"authData");
    object.push(0x59);
    object.extend_from_slice(&length);
    object.extend_from_slice(data);
    object
}

/// The answer with other authenticator data in its attestation object.
fn with_data(answer: &Value, change: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut data = part(answer, "authenticatorData");
    change(&mut data);
    with_part(answer, "attestationObject", &attestation("none", &[0xa0], &data))
}

#[test]
fn a_registration_gives_the_credential_to_store() {
    let aaguid = Uuid::from_u128(7);
    let answer = answer_of(|it| (it.aaguid, it.counts, it.backup_state) = (aaguid, true, false));
    let credential = register(&answer).unwrap();
    assert_eq!(credential.id.len(), 32);
    assert_eq!(credential.algorithm, CredentialAlgorithm::Es256);
    assert_eq!((credential.counter, credential.aaguid), (1, aaguid));
    assert_eq!((credential.backup_eligible, credential.backup_state), (true, false));
    assert_eq!(credential.transports, ["hybrid", "internal"]);
    assert_eq!((credential.user_verified, credential.discoverable), (true, Some(true)));
}

#[test]
fn a_registration_for_another_challenge_is_rejected() {
    let answer = answer_of(|_| {});
    let response: RegistrationResponse = serde_json::from_value(answer).unwrap();
    for challenge in [&[0x5d; 32][..], &CHALLENGE[..31], &[], &[0x5c; 4096]] {
        let result = verify_registration(&party(), challenge, UserVerification::Required, &response);
        assert_eq!(result, Err(CeremonyError::WrongChallenge));
    }
}

#[test]
fn a_caller_without_a_challenge_accepts_nothing() {
    for short in [0, 1, 15] {
        let challenge = vec![7; short];
        let mut request = creation_request();
        request.challenge.clone_from(&challenge);
        let options = serde_json::to_value(creation_options(&party(), request)).unwrap();
        let answer = SoftAuthenticator::new(ORIGIN).create(&options).unwrap();
        let response: RegistrationResponse = serde_json::from_value(answer).unwrap();
        let result = verify_registration(&party(), &challenge, UserVerification::Required, &response);
        assert_eq!(result, Err(CeremonyError::WrongChallenge), "{short}");
    }
}

#[test]
fn a_registration_on_another_origin_is_rejected() {
    for origin in [
        "https://example.net",
        "https://www.example.com.evil.example",
        "https://evil.example.com",
        "https://www.example.com/",
        "https://www.example.com:444",
        "http://www.example.com",
        "https://WWW.example.com",
        "null",
        "",
    ] {
        let answer = answer_of(|it| it.origin = origin.into());
        assert_eq!(register(&answer), Err(CeremonyError::WrongOrigin), "{origin:?}");
    }
    assert!(register(&answer_of(|it| it.origin = "https://example.com".into())).is_ok());
}

#[test]
fn a_registration_in_a_frame_is_rejected() {
    assert_eq!(register(&answer_of(|it| it.cross_origin = true)), Err(CeremonyError::CrossOrigin));
    let top = |it: &mut SoftAuthenticator| it.top_origin = Some(ORIGIN.into());
    assert_eq!(register(&answer_of(top)), Err(CeremonyError::CrossOrigin));
}

#[test]
fn a_registration_for_another_relying_party_is_rejected() {
    for id in ["example.net", "www.example.com", "com", ""] {
        let answer = answer_of(|it| it.rp_id = Some(id.into()));
        assert_eq!(register(&answer), Err(CeremonyError::WrongRelyingParty), "{id:?}");
    }
}

#[test]
fn an_assertion_is_no_registration() {
    let answer = answer_of(|it| it.ceremony = Some("webauthn.get"));
    assert_eq!(register(&answer), Err(CeremonyError::WrongType));
    assert_eq!(register(&answer_of(|it| it.ceremony = Some("payment.get"))), Err(CeremonyError::WrongType));
}

#[test]
fn a_person_must_be_present_and_verified() {
    let absent = answer_of(|it| it.user_present = false);
    assert_eq!(register(&absent), Err(CeremonyError::UserNotPresent));
    let unverified = answer_of(|it| it.user_verified = false);
    assert_eq!(register(&unverified), Err(CeremonyError::UserNotVerified));
    for wanted in [UserVerification::Preferred, UserVerification::Discouraged] {
        assert!(!register_as(&unverified, wanted).unwrap().user_verified);
        assert_eq!(register_as(&absent, wanted), Err(CeremonyError::UserNotPresent));
    }
}

#[test]
fn a_backup_that_cannot_be_is_rejected() {
    let answer = answer_of(|it| it.backup_eligible = false);
    assert_eq!(register(&answer), Err(CeremonyError::InconsistentBackup));
}

#[test]
fn a_statement_of_another_format_is_not_verified() {
    let answer = answer_of(|_| {});
    let data = part(&answer, "authenticatorData");
    // {"alg": -7, "sig": h'00'}
    let statement = [0xa2, 0x63, b'a', b'l', b'g', 0x26, 0x63, b's', b'i', b'g', 0x41, 0];
    for format in ["packed", "tpm", "android-key", "apple", "fido-u2f", "new"] {
        let answer = with_part(&answer, "attestationObject", &attestation(format, &statement, &data));
        assert!(register(&answer).is_ok(), "{format}");
    }
    let compound = with_part(&answer, "attestationObject", &attestation("compound", &[0x80], &data));
    assert!(register(&compound).is_ok());
}

#[test]
fn a_statement_of_the_wrong_kind_is_rejected() {
    let answer = answer_of(|_| {});
    let data = part(&answer, "authenticatorData");
    for (format, statement) in
        [("none", [0xa1, 0x01, 0x02].as_slice()), ("none", &[0x80]), ("packed", &[0x80]), ("compound", &[0xa0])]
    {
        let answer = with_part(&answer, "attestationObject", &attestation(format, statement, &data));
        assert_eq!(register(&answer), Err(CeremonyError::Malformed("attestation object")), "{format}");
    }
}

#[test]
fn an_attestation_object_in_another_order_is_read() {
    let answer = answer_of(|_| {});
    let data = part(&answer, "authenticatorData");
    let mut object = vec![0xa3, 0x68];
    object.extend_from_slice(b"authData");
    object.extend_from_slice(&[0x59, 0, u8::try_from(data.len()).unwrap()]);
    object.extend_from_slice(&data);
    object.extend_from_slice(b"\x63fmt\x64none\x67attStmt\xa0");
    assert!(register(&with_part(&answer, "attestationObject", &object)).is_ok());
}

#[test]
fn broken_attestation_objects_are_rejected() {
    let answer = answer_of(|_| {});
    let object = part(&answer, "attestationObject");
    let rejected = Err(CeremonyError::Malformed("attestation object"));
    for broken in [
        Vec::new(),
        vec![0xa0],
        vec![0xf6],
        b"\xa1\x63fmt\x64none".to_vec(),
        [object.as_slice(), &[0]].concat(),
        object[..object.len() - 1].to_vec(),
        [0x81].repeat(10_000),
        [&[0xa1, 0x61, b'a'][..]; 10_000].concat(),
        [vec![0xbb], vec![0xff; 8]].concat(),
        [b"\xa4\x63fmt\x64none".as_slice(), &object[1..]].concat(),
    ] {
        assert_eq!(
            register(&with_part(&answer, "attestationObject", &broken)),
            rejected,
            "{:x?}",
            &broken[..broken.len().min(9)]
        );
    }
}

#[test]
fn every_shortened_or_extended_authenticator_data_is_rejected() {
    let answer = answer_of(|_| {});
    let length = part(&answer, "authenticatorData").len();
    for end in 0..length {
        let result = register(&with_data(&answer, |data| data.truncate(end)));
        assert_eq!(result, Err(CeremonyError::Malformed("authenticator data")), "{end}");
    }
    let result = register(&with_data(&answer, |data| data.push(0xa0)));
    assert_eq!(result, Err(CeremonyError::Malformed("authenticator data")));
}

#[test]
fn extension_data_is_tolerated_if_it_is_a_map() {
    let answer = answer_of(|_| {});
    let with = |extensions: &'static [u8]| {
        register(&with_data(&answer, |data| {
            data[32] |= 0x80;
            data.extend_from_slice(extensions);
        }))
    };
    assert!(with(b"\xa1\x6bcredProtect\x03").is_ok());
    assert!(with(b"\xa0").is_ok());
    for wrong in [b"".as_slice(), b"\x80", b"\xa0\xa0", b"\xa1\x6b"] {
        assert_eq!(with(wrong), Err(CeremonyError::Malformed("authenticator data")), "{wrong:x?}");
    }
}

#[test]
fn a_registration_without_a_credential_is_rejected() {
    let answer = answer_of(|_| {});
    let result = register(&with_data(&answer, |data| {
        data[32] &= !0x40;
        data.truncate(37);
    }));
    assert_eq!(result, Err(CeremonyError::Malformed("attested credential")));
}

#[test]
fn the_credential_id_must_be_the_attested_one() {
    let answer = answer_of(|_| {});
    for (id, raw_id) in [("AAAA", "AAAA"), ("", ""), ("AAAA", answer["id"].as_str().unwrap())] {
        let mut other = answer.clone();
        (other["id"], other["rawId"]) = (json!(id), json!(raw_id));
        assert_eq!(register(&other), Err(CeremonyError::Malformed("credential id")), "{id} {raw_id}");
    }
}

#[test]
fn a_credential_id_has_at_most_1023_bytes() {
    let long = |length: u16| {
        let answer = answer_of(|_| {});
        let id = super::BASE64.encode(vec![7; length.into()]);
        let mut answer = with_data(&answer, |data| {
            data.splice(53..55 + 32, [length.to_be_bytes().as_slice(), &vec![7; length.into()]].concat());
        });
        (answer["id"], answer["rawId"]) = (json!(id), json!(id));
        answer
    };
    assert!(register(&long(1023)).is_ok());
    let error = serde_json::from_value::<RegistrationResponse>(long(1024)).unwrap_err();
    assert!(error.to_string().contains("at most 1023 bytes"), "{error}");
}

#[test]
fn a_key_of_an_unsupported_algorithm_is_rejected() {
    let answer = answer_of(|_| {});
    // After 37 + 16 + 2 + 32 bytes: a5 01 02 03 26 …, where 26 is -7.
    let key = 87;
    let es384 = with_data(&answer, |data| {
        assert_eq!(data[key..key + 5], [0xa5, 1, 2, 3, 0x26]);
        data.splice(key + 4..key + 5, [0x38, 0x22]);
    });
    assert_eq!(register(&es384), Err(CeremonyError::UnsupportedAlgorithm));
    let off_curve = with_data(&answer, |data| *data.last_mut().unwrap() ^= 1);
    assert_eq!(register(&off_curve), Err(CeremonyError::InvalidKey));
}

#[test]
fn broken_client_data_is_rejected() {
    let answer = answer_of(|_| {});
    for broken in [
        "",
        "{}",
        "[]",
        "null",
        "{\"type\":\"webauthn.create\"}",
        "{\"type\":\"webauthn.create\",\"challenge\":7,\"origin\":\"https://example.com\"}",
        "{\"type\":\"webauthn.get\",\"type\":\"webauthn.create\",\"challenge\":\"AA\",\"origin\":\"https://example.com\"}",
        "\u{feff}{}",
    ] {
        let result = register(&with_part(&answer, "clientDataJSON", broken.as_bytes()));
        assert_eq!(result, Err(CeremonyError::Malformed("client data")), "{broken}");
    }
    let deep = with_part(&answer, "clientDataJSON", "[".repeat(4000).as_bytes());
    assert_eq!(register(&deep), Err(CeremonyError::Malformed("client data")));
    let not_text = with_part(&answer, "clientDataJSON", &[0xff; 64]);
    assert_eq!(register(&not_text), Err(CeremonyError::Malformed("client data")));
}

#[test]
fn new_members_of_the_client_data_are_ignored() {
    let answer = with_client_data(&answer_of(|_| {}), |data| {
        data["other_keys_can_be_added_here"] = json!({ "deeply": [{ "nested": null }] });
        data["tokenBinding"] = json!({ "status": "supported" });
    });
    assert!(register(&answer).is_ok());
}

#[test]
fn a_challenge_in_another_spelling_is_rejected() {
    for change in
        [|text: &str| format!("{text}="), |text: &str| format!(" {text}"), |text: &str| text.replace('c', "C")]
    {
        let answer = with_client_data(&answer_of(|_| {}), |data| {
            data["challenge"] = json!(change(data["challenge"].as_str().unwrap()));
        });
        assert_eq!(register(&answer), Err(CeremonyError::WrongChallenge));
    }
}

#[test]
fn oversized_parts_are_rejected_before_they_are_verified() {
    let answer = answer_of(|_| {});
    for (name, most) in [("clientDataJSON", 4096), ("attestationObject", 32 * 1024)] {
        let read = |length: usize| {
            serde_json::from_value::<RegistrationResponse>(with_part(&answer, name, &vec![0; length])).is_ok()
        };
        assert!(read(most), "{name}");
        assert!(!read(most + 1), "{name}");
        assert!(!read(1 << 20), "{name}");
    }
}

#[test]
fn responses_of_another_form_are_rejected() {
    let answer = answer_of(|_| {});
    for (pointer, value) in [
        ("/type", json!("password")),
        ("/id", json!(null)),
        ("/rawId", json!([1, 2])),
        ("/response/attestationObject", json!("not base64url!")),
        ("/response/clientDataJSON", json!("eyJ9+/==")),
        ("/response", json!("")),
    ] {
        let mut wrong = answer.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        assert!(serde_json::from_value::<RegistrationResponse>(wrong).is_err(), "{pointer}");
    }
}

#[test]
fn unknown_members_and_missing_optional_ones_are_tolerated() {
    let mut answer = answer_of(|_| {});
    answer["new"] = json!([1]);
    answer["response"]["publicKey"] = json!("AAAA");
    answer["clientExtensionResults"] = json!({ "prf": { "enabled": true }, "credProps": {} });
    assert_eq!(register(&answer).unwrap().discoverable, None);
    answer.as_object_mut().unwrap().remove("clientExtensionResults");
    answer["response"].as_object_mut().unwrap().remove("transports");
    assert_eq!(register(&answer).unwrap().transports, Vec::<String>::new());
}

#[test]
fn unusable_transports_are_left_out() {
    let mut answer = answer_of(|_| {});
    let long = "x".repeat(33);
    answer["response"]["transports"] = json!(["usb", "", "usb", "NFC", "a b", long, "smart-card", "ble"]);
    assert_eq!(register(&answer).unwrap().transports, ["ble", "smart-card", "usb"]);
    answer["response"]["transports"] = json!((0..1000).map(|number| format!("t{number}")).collect::<Vec<_>>());
    assert_eq!(register(&answer).unwrap().transports.len(), 12);
}

#[test]
fn an_authenticator_with_a_known_credential_makes_no_second_one() {
    let (mut authenticator, credential) = registered();
    let mut request = creation_request();
    request.exclude = vec![CredentialDescriptor { id: credential.id, transports: credential.transports }];
    let options = serde_json::to_value(creation_options(&party(), request)).unwrap();
    assert_eq!(authenticator.create(&options), Err("InvalidStateError"));
}

proptest! {
    #[test]
    fn any_attestation_object_is_accepted_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let answer = with_part(&answer_of(|_| {}), "attestationObject", &bytes);
        prop_assert!(register(&answer).is_err());
    }

    #[test]
    fn any_authenticator_data_is_accepted_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..300), flags in any::<u8>()) {
        let answer = answer_of(|_| {});
        let _ = register(&with_data(&answer, |data| {
            data.truncate(32);
            data.push(flags);
            data.extend_from_slice(&bytes);
        }));
    }

    #[test]
    fn a_changed_key_is_never_the_stored_one(place in 0..77_usize, bits in 1..=255_u8) {
        let answer = answer_of(|_| {});
        let good = register(&answer).unwrap();
        let changed = register(&with_data(&answer, |data| data[87 + place] ^= bits));
        prop_assert!(changed.map(|it| it.public_key) != Ok(good.public_key));
    }
}

use super::{
    CHALLENGE, HANDLE, ORIGIN, authenticate, creation, part, party, registered, request, stored, with_client_data,
    with_part,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use webauthn::testing::SoftAuthenticator;
use webauthn::{
    AuthenticationResponse, CeremonyError, CredentialDescriptor, RegisteredCredential, UserVerification,
    VerifiedAssertion, request_options, verify_authentication,
};

/// A credential, and an assertion by an authenticator that does something else than usual.
fn answer_of(change: impl FnOnce(&mut SoftAuthenticator)) -> (RegisteredCredential, Value) {
    let (mut authenticator, credential) = registered();
    change(&mut authenticator);
    let answer = authenticator.get(&request()).unwrap();
    (credential, answer)
}

/// The result of an assertion by an authenticator that does something else than usual.
fn result_of(change: impl FnOnce(&mut SoftAuthenticator)) -> Result<VerifiedAssertion, CeremonyError> {
    let (credential, answer) = answer_of(change);
    authenticate(&credential, &answer)
}

#[test]
fn an_assertion_is_verified() {
    let expected = VerifiedAssertion { counter: 0, backup_state: true, user_verified: true };
    assert_eq!(result_of(|_| {}), Ok(expected));
}

#[test]
fn a_response_names_its_credential_and_its_owner() {
    let (credential, mut answer) = answer_of(|_| {});
    let read = |answer: &Value| serde_json::from_value::<AuthenticationResponse>(answer.clone()).unwrap();
    assert_eq!(read(&answer).credential_id(), credential.id);
    assert_eq!(read(&answer).user_handle(), Some(HANDLE.as_slice()));
    for missing in [json!(null), json!("")] {
        answer["response"]["userHandle"] = missing;
        assert_eq!(read(&answer).user_handle(), None);
    }
    answer["response"].as_object_mut().unwrap().remove("userHandle");
    assert_eq!(read(&answer).user_handle(), None);
    assert!(authenticate(&credential, &answer).is_ok());
}

#[test]
fn an_assertion_for_another_challenge_is_rejected() {
    let (credential, answer) = answer_of(|_| {});
    let response: AuthenticationResponse = serde_json::from_value(answer).unwrap();
    for challenge in [&[0x5d; 32][..], &CHALLENGE[1..], &[], &[0x5c; 4096]] {
        let result =
            verify_authentication(&party(), challenge, UserVerification::Required, &stored(&credential), &response);
        assert_eq!(result, Err(CeremonyError::WrongChallenge));
    }
}

#[test]
fn an_assertion_from_elsewhere_is_rejected() {
    let elsewhere = result_of(|it| it.origin = "https://example.com.evil.example".into());
    assert_eq!(elsewhere, Err(CeremonyError::WrongOrigin));
    assert_eq!(result_of(|it| it.cross_origin = true), Err(CeremonyError::CrossOrigin));
    assert_eq!(result_of(|it| it.top_origin = Some(ORIGIN.into())), Err(CeremonyError::CrossOrigin));
    let other_party = result_of(|it| it.rp_id = Some("example.net".into()));
    assert_eq!(other_party, Err(CeremonyError::WrongRelyingParty));
}

#[test]
fn a_registration_is_no_assertion() {
    assert_eq!(result_of(|it| it.ceremony = Some("webauthn.create")), Err(CeremonyError::WrongType));
}

#[test]
fn a_person_must_be_present_and_verified() {
    assert_eq!(result_of(|it| it.user_present = false), Err(CeremonyError::UserNotPresent));
    assert_eq!(result_of(|it| it.user_verified = false), Err(CeremonyError::UserNotVerified));
    let (credential, answer) = answer_of(|it| it.user_verified = false);
    let response: AuthenticationResponse = serde_json::from_value(answer).unwrap();
    let preferred =
        verify_authentication(&party(), &CHALLENGE, UserVerification::Preferred, &stored(&credential), &response);
    assert!(!preferred.unwrap().user_verified);
}

#[test]
fn the_backup_flags_must_fit_the_registration() {
    assert!(!result_of(|it| it.backup_state = false).unwrap().backup_state);
    let lost = result_of(|it| (it.backup_eligible, it.backup_state) = (false, false));
    assert_eq!(lost, Err(CeremonyError::BackupEligibilityChanged));
    assert_eq!(result_of(|it| it.backup_eligible = false), Err(CeremonyError::InconsistentBackup));
    let (mut credential, answer) = answer_of(|_| {});
    credential.backup_eligible = false;
    assert_eq!(authenticate(&credential, &answer), Err(CeremonyError::BackupEligibilityChanged));
}

#[test]
fn a_counter_must_grow() {
    let result = |stored: u32, received: u32| {
        let (mut credential, answer) = answer_of(|it| it.counter = received);
        credential.counter = stored;
        authenticate(&credential, &answer).map(|verified| verified.counter)
    };
    assert_eq!(result(0, 0), Ok(0));
    assert_eq!(result(0, 1), Ok(1));
    assert_eq!(result(7, 8), Ok(8));
    assert_eq!(result(7, u32::MAX), Ok(u32::MAX));
    for (stored, received) in [(7, 7), (7, 6), (7, 0), (1, 0), (u32::MAX, 0), (u32::MAX, u32::MAX)] {
        assert_eq!(result(stored, received), Err(CeremonyError::CounterBackwards { stored, received }));
    }
}

#[test]
fn the_counter_is_judged_only_under_a_valid_signature() {
    let (mut credential, answer) = answer_of(|_| {});
    credential.counter = 7;
    let mut data = part(&answer, "authenticatorData");
    data[36] = 8;
    let forged = with_part(&answer, "authenticatorData", &data);
    assert_eq!(authenticate(&credential, &forged), Err(CeremonyError::WrongSignature));
}

#[test]
fn a_counting_authenticator_is_accepted_again_and_again() {
    let (mut authenticator, mut credential) = registered();
    authenticator.counts = true;
    for expected in 1..=3 {
        let answer = authenticator.get(&request()).unwrap();
        credential.counter = authenticate(&credential, &answer).unwrap().counter;
        assert_eq!(credential.counter, expected);
        let again = authenticate(&credential, &answer);
        assert_eq!(again, Err(CeremonyError::CounterBackwards { stored: expected, received: expected }));
    }
}

#[test]
fn a_signature_of_another_key_is_rejected() {
    let (credential, _) = answer_of(|_| {});
    let (_, other) = answer_of(|_| {});
    assert_eq!(authenticate(&credential, &other), Err(CeremonyError::WrongSignature));
}

#[test]
fn the_signature_of_one_assertion_does_not_fit_another() {
    let (mut authenticator, credential) = registered();
    authenticator.counts = true;
    let first = authenticator.get(&request()).unwrap();
    let second = authenticator.get(&request()).unwrap();
    let mixed = with_part(&second, "signature", &part(&first, "signature"));
    assert_eq!(authenticate(&credential, &mixed), Err(CeremonyError::WrongSignature));
}

#[test]
fn one_changed_bit_anywhere_is_rejected() {
    let (credential, answer) = answer_of(|_| {});
    for name in ["authenticatorData", "clientDataJSON", "signature"] {
        let good = part(&answer, name);
        for place in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[place] ^= 1 << bit;
                let result = authenticate(&credential, &with_part(&answer, name, &bytes));
                assert!(result.is_err(), "{name}, byte {place}, bit {bit}");
            }
        }
    }
}

#[test]
fn a_missing_or_longer_part_is_rejected() {
    let (credential, answer) = answer_of(|_| {});
    for name in ["authenticatorData", "clientDataJSON", "signature"] {
        let good = part(&answer, name);
        for bytes in [&[][..], &good[..good.len() - 1], &good[1..], &[good.as_slice(), &[0]].concat()] {
            assert!(authenticate(&credential, &with_part(&answer, name, bytes)).is_err(), "{name}");
        }
    }
}

#[test]
fn client_data_that_means_the_same_is_still_another_message() {
    let (credential, answer) = answer_of(|_| {});
    let spaced = [part(&answer, "clientDataJSON"), b" ".to_vec()].concat();
    let result = authenticate(&credential, &with_part(&answer, "clientDataJSON", &spaced));
    assert_eq!(result, Err(CeremonyError::WrongSignature));
    let extended = with_client_data(&answer, |data| data["new"] = json!(1));
    assert_eq!(authenticate(&credential, &extended), Err(CeremonyError::WrongSignature));
}

#[test]
fn the_algorithm_is_that_of_the_stored_key() {
    let (mut credential, answer) = answer_of(|_| {});
    // The same point under a COSE key that names EdDSA: {1: 1, 3: -8, -1: 6, -2: x}.
    let x = credential.public_key[10..42].to_vec();
    credential.public_key = [[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32].as_slice(), &x].concat();
    assert!(authenticate(&credential, &answer).is_err());
}

#[test]
fn a_damaged_stored_key_is_an_error_of_its_own() {
    let (mut credential, answer) = answer_of(|_| {});
    credential.public_key.pop();
    assert_eq!(authenticate(&credential, &answer), Err(CeremonyError::StoredKeyUnreadable));
    credential.public_key.clear();
    assert_eq!(authenticate(&credential, &answer), Err(CeremonyError::StoredKeyUnreadable));
}

#[test]
fn both_spellings_of_the_credential_id_must_be_the_same() {
    let (credential, mut answer) = answer_of(|_| {});
    answer["id"] = json!("AAAA");
    assert_eq!(authenticate(&credential, &answer), Err(CeremonyError::Malformed("credential id")));
}

#[test]
fn oversized_parts_are_rejected_before_they_are_verified() {
    let (_, answer) = answer_of(|_| {});
    for (name, most) in [("clientDataJSON", 4096), ("authenticatorData", 4096), ("signature", 512), ("userHandle", 64)]
    {
        let read = |length: usize| {
            serde_json::from_value::<AuthenticationResponse>(with_part(&answer, name, &vec![0; length])).is_ok()
        };
        assert!(read(most), "{name}");
        assert!(!read(most + 1), "{name}");
    }
}

#[test]
fn only_an_allowed_passkey_answers() {
    let (mut authenticator, first) = registered();
    let second = super::register(&authenticator.create(&creation()).unwrap()).unwrap();
    let ask = |id: &[u8]| {
        let allow = vec![CredentialDescriptor { id: id.to_vec(), transports: Vec::new() }];
        let timeout = Duration::from_secs(60);
        serde_json::to_value(request_options(&party(), &CHALLENGE, allow, UserVerification::Required, timeout)).unwrap()
    };
    for credential in [&first, &second] {
        let answer = authenticator.get(&ask(&credential.id)).unwrap();
        assert!(authenticate(credential, &answer).is_ok());
    }
    assert_eq!(authenticator.get(&ask(&[7])), Err("NotAllowedError"));
    authenticator.forget();
    assert_eq!(authenticator.get(&ask(&first.id)), Err("NotAllowedError"));
}

#[test]
fn codes_are_stable() {
    let codes = [
        (CeremonyError::Malformed("part"), "malformed"),
        (CeremonyError::WrongType, "wrong_type"),
        (CeremonyError::WrongChallenge, "wrong_challenge"),
        (CeremonyError::WrongOrigin, "wrong_origin"),
        (CeremonyError::CrossOrigin, "cross_origin"),
        (CeremonyError::WrongRelyingParty, "wrong_relying_party"),
        (CeremonyError::UserNotPresent, "user_not_present"),
        (CeremonyError::UserNotVerified, "user_not_verified"),
        (CeremonyError::InconsistentBackup, "inconsistent_backup"),
        (CeremonyError::BackupEligibilityChanged, "backup_eligibility_changed"),
        (CeremonyError::UnsupportedAlgorithm, "unsupported_algorithm"),
        (CeremonyError::InvalidKey, "invalid_key"),
        (CeremonyError::WrongSignature, "wrong_signature"),
        (CeremonyError::CounterBackwards { stored: 2, received: 1 }, "counter_backwards"),
        (CeremonyError::StoredKeyUnreadable, "stored_key_unreadable"),
    ];
    for (error, code) in codes {
        assert_eq!(error.code(), code);
    }
}

proptest! {
    #[test]
    fn any_parts_are_rejected(
        data in prop::collection::vec(any::<u8>(), 0..200),
        client_data in prop::collection::vec(any::<u8>(), 0..200),
        signature in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (credential, answer) = answer_of(|_| {});
        for (name, bytes) in [("authenticatorData", &data), ("clientDataJSON", &client_data), ("signature", &signature)] {
            prop_assert!(authenticate(&credential, &with_part(&answer, name, bytes)).is_err());
        }
    }
}

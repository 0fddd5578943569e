//! Every published message can still be read, and is still written in the same form.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use contracts::{SetCredential, UserDeactivated, UserReactivated, UserRegistered};
use std::path::Path;
use use_case::Message;

/// Reads a golden file, writes it again, and expects the same JSON.
fn holds<M: Message>(file: &str) {
    assert!(file.starts_with(M::NAME), "{file} does not start with the wire name {}", M::NAME);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(file);
    let golden: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let message: M = serde_json::from_value(golden.clone()).unwrap();
    assert_eq!(serde_json::to_value(&message).unwrap(), golden, "{file}");
}

#[test]
fn every_golden_file_is_read_and_written_unchanged() {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap();
    let mut seen = 0;
    for file in files {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = file.split(".v").next().unwrap();
        match name {
            "auth.set_credential" => holds::<SetCredential>(&file),
            "users.user_deactivated" => holds::<UserDeactivated>(&file),
            "users.user_reactivated" => holds::<UserReactivated>(&file),
            "users.user_registered" => holds::<UserRegistered>(&file),
            _ => panic!("no type reads {file}"),
        }
        seen += 1;
    }
    assert_eq!(seen, 9, "golden files are never deleted: if you added one, raise this number");
}

#[test]
fn a_message_with_an_unknown_field_can_be_read() {
    let json = r#"{"user_id":"0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091","version":2,"email":"a@example.org",
        "registered_at":"2026-09-21T14:13:20Z","nickname":"A"}"#;
    assert_eq!(serde_json::from_str::<UserRegistered>(json).unwrap().version, 2);
}

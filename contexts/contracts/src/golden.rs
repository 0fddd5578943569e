//! Every published message can still be read, and is still written in the same form.

use crate::{GOLDEN, UserRegistered};
use std::path::Path;
use use_case::Message;

/// How many golden files there are at least. Raise it with each new file.
const RELEASED: usize = 26;

/// Reads a golden file, writes it again, and expects the same JSON.
pub(crate) fn holds<M: Message>(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(file);
    let golden: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let message: M = serde_json::from_value(golden.clone()).unwrap();
    assert_eq!(serde_json::to_value(&message).unwrap(), golden, "{file}");
}

#[test]
fn every_golden_file_is_read_and_written_unchanged() {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    for (name, holds) in GOLDEN {
        let of_message: Vec<_> = files.iter().filter(|file| file.starts_with(&format!("{name}."))).collect();
        assert!(!of_message.is_empty(), "{name} has no golden file");
        of_message.into_iter().for_each(|file| holds(file));
    }
    let is_read = |file: &String| GOLDEN.iter().any(|(name, _)| file.starts_with(&format!("{name}.")));
    let unread: Vec<_> = files.iter().filter(|file| !is_read(file)).collect();
    assert!(unread.is_empty(), "no type reads {unread:?}: a message is never renamed or removed");
    assert!(files.len() >= RELEASED, "golden files are never deleted");
}

#[test]
fn a_message_with_an_unknown_field_can_be_read() {
    let json = r#"{"user_id":"0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091","version":2,"email":"a@example.org",
        "registered_at":"2026-09-21T14:13:20Z","nickname":"A"}"#;
    assert_eq!(serde_json::from_str::<UserRegistered>(json).unwrap().version, 2);
}

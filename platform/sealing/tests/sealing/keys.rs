use kernel::{MessageId, Secret};
use sealing::{Binding, Exposure, Keys, KeysError};
use std::{
    collections::HashSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Barrier,
    thread,
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names_in(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A fresh key file, changed by a text replacement.
fn file(directory: &Path, from: &str, to: &str) -> PathBuf {
    let original = Keys::in_directory(directory).unwrap();
    let text = fs::read_to_string(original.file().path()).unwrap();
    assert!(text.contains(from), "{from} is not in the file");
    let path = directory.join("given.json");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path
}

/// The value of a member of the file's first key.
fn member(path: &Path, name: &str) -> String {
    let document: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    document["sealing"][0][name].as_str().unwrap().to_owned()
}

fn why(found: Result<Keys, KeysError>) -> String {
    found.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn the_first_start_makes_keys_that_only_the_owner_can_read() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data/app");
    let keys = Keys::in_directory(&directory).unwrap();
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(keys.file().path()), 0o600);
    assert_eq!(keys.exposure(), Exposure::Owner);
    assert_eq!(names_in(&directory), ["keys.json"], "nothing else is left behind");
}

#[test]
fn the_next_start_finds_the_same_keys() {
    let directory = tempfile::tempdir().unwrap();
    let bound =
        Binding { root: MessageId::random(), subject: MessageId::random().as_uuid(), purpose: "set_credential" };
    let secret = Secret::new("correct horse battery".to_owned());
    let sealed = Keys::in_directory(directory.path()).unwrap().sealer(crate::LABELS).seal(&secret, &bound).unwrap();
    let opener = Keys::in_directory(directory.path()).unwrap().opener(crate::LABELS).unwrap();
    assert!(opener.open(&sealed, &bound).is_ok_and(|opened| opened.expose() == secret.expose()));
}

#[test]
fn many_that_start_at_once_have_one_set_of_keys() {
    for _ in 0..20 {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("data");
        let start = Barrier::new(16);
        let all: Vec<Keys> = thread::scope(|scope| {
            let starts = || {
                start.wait();
                Keys::in_directory(&directory).unwrap()
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(starts)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let kids: HashSet<_> = all.iter().map(Keys::active).collect();
        assert_eq!(kids.len(), 1, "some have keys of their own: {kids:?}");
        assert_eq!(names_in(&directory), ["keys.json"]);
    }
}

#[test]
fn a_file_without_private_keys_seals_and_says_what_a_worker_lacks() {
    let directory = tempfile::tempdir().unwrap();
    let private =
        format!("\"private\": \"{}\",", member(Keys::in_directory(directory.path()).unwrap().file().path(), "private"));
    let path = file(directory.path(), &private, "");
    let keys = Keys::from_file(&path).unwrap();
    assert_eq!(keys.exposure(), Exposure::Owner, "public keys may be read by everyone");
    let bound =
        Binding { root: MessageId::random(), subject: MessageId::random().as_uuid(), purpose: "set_credential" };
    let sealed = keys.sealer(crate::LABELS).seal(&Secret::new("correct horse".to_owned()), &bound).unwrap();
    assert!(Keys::in_directory(directory.path()).unwrap().opener(crate::LABELS).unwrap().open(&sealed, &bound).is_ok());
    let error = keys.opener(crate::LABELS).map(|_| ()).unwrap_err();
    assert!(matches!(error, KeysError::NoPrivateKey { .. }) && error.to_string().contains("a worker needs"));
}

#[test]
fn retired_keys_open_and_the_active_one_seals() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let read = |at: &Path| -> serde_json::Value {
        serde_json::from_slice(&fs::read(Keys::in_directory(at).unwrap().file().path()).unwrap()).unwrap()
    };
    let (mut both, newer) = (read(old.path()), read(new.path()));
    both["sealing"][0]["active"] = false.into();
    both["sealing"].as_array_mut().unwrap().push(newer["sealing"][0].clone());
    let path = old.path().join("both.json");
    fs::write(&path, both.to_string()).unwrap();

    let bound =
        Binding { root: MessageId::random(), subject: MessageId::random().as_uuid(), purpose: "set_credential" };
    let secret = Secret::new("correct horse".to_owned());
    let keys = Keys::from_file(&path).unwrap();
    let before = Keys::in_directory(old.path()).unwrap().sealer(crate::LABELS).seal(&secret, &bound).unwrap();
    let after = keys.sealer(crate::LABELS).seal(&secret, &bound).unwrap();
    assert_eq!(after.kid, newer["sealing"][0]["kid"]);
    for sealed in [before, after] {
        assert!(keys.opener(crate::LABELS).unwrap().open(&sealed, &bound).is_ok());
    }
}

#[test]
fn a_given_file_is_never_created() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("given.json");
    let error = why(Keys::from_file(&path));
    assert!(error.contains("does not exist") && error.contains("from a backup"), "{error}");
    assert!(names_in(directory.path()).is_empty());
}

#[test]
fn a_file_that_others_can_read_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "\"version\"", "\"version\"");
    for (mode, exposure) in [(0o600, Exposure::Owner), (0o440, Exposure::Owner), (0o644, Exposure::Everyone)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Keys::from_file(&path).unwrap().exposure(), exposure, "{mode:o}");
    }
}

#[test]
fn a_file_that_cannot_be_read_or_created_is_an_error_that_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let error = why(Keys::from_file(directory.path()));
    assert!(error.contains("cannot be read"), "{error}");
    let occupied = directory.path().join("data");
    fs::write(&occupied, "").unwrap();
    let error = why(Keys::in_directory(&occupied.join("deeper")));
    assert!(error.contains("cannot be read") || error.contains("cannot be created"), "{error}");
}

#[test]
fn other_members_are_kept_and_a_found_file_is_never_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = Keys::in_directory(directory.path()).unwrap().file().path().to_owned();
    let text = fs::read_to_string(&path).unwrap();
    let more = text.replacen('{', "{\"signing\": [{\"kid\": \"s1\", \"private\": \"…\"}],", 1).replacen(
        "\"active\"",
        "\"comment\": null, \"active\"",
        1,
    );
    fs::write(&path, &more).unwrap();
    assert!(Keys::in_directory(directory.path()).unwrap().opener(crate::LABELS).is_ok());
    assert_eq!(fs::read_to_string(&path).unwrap(), more);
    fs::write(&path, "").unwrap();
    assert!(matches!(Keys::in_directory(directory.path()), Err(KeysError::Malformed { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn a_file_that_is_wrong_says_where_and_quotes_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let made = Keys::in_directory(directory.path()).unwrap().file().path().to_owned();
    let (private, public) = (member(&made, "private"), member(&made, "public"));
    let quoted = format!("\"{private}\"");
    let second = fs::read_to_string(&made).unwrap();
    let second = second[second.find('[').unwrap() + 1..second.rfind(']').unwrap()].to_owned();
    let changes: [(&str, &str, &str); 13] = [
        ("{", "", "not a valid key file at line 2"),
        ("\"active\": true", &format!("\"active\": {quoted}"), "not a valid key file at line 8"),
        ("\"version\": 1", &format!("\"version\": {quoted}"), "not a valid key file at line 2"),
        ("\"version\": 1", "\"version\": 2", "its version is 2"),
        ("\"active\": true", "\"active\": false", "none of its sealing keys is active"),
        (&private, "AAAA", "number 1 has a private key that does not match"),
        (&private, &public, "number 1 has a private key that does not match"),
        (&public, &private, "number 1 has a private key that does not match"),
        (&public, "AAAA", "number 1 has no usable public key"),
        (&public, &"A".repeat(43), "number 1 has no usable public key"),
        (&public, &format!("{public}="), "number 1 has no usable public key"),
        ("]", &format!(", {second}]"), "number 2 has an empty kid, or one that another key has"),
        (
            "]",
            &format!(", {}]", second.replacen("\"kid\": \"", "\"kid\": \"x", 1)),
            "number 2 is active, although another key is active",
        ),
    ];
    for (from, to, expected) in changes {
        let error = why(Keys::from_file(&file(directory.path(), from, to)));
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
        assert!(!error.contains(&private) && !error.contains(&public), "{error:?} quotes a key");
    }
}

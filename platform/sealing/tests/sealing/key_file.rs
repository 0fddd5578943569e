//! Keys of other kinds in the same file.

use sealing::{Keys, KeysError};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_change_of_one_kind_leaves_the_others_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys::in_directory(directory.path()).unwrap();
    let file = keys.file();
    assert_eq!(file.member::<Vec<String>>("other").unwrap(), None);
    let before = file.edition().unwrap();
    file.change::<Vec<String>, KeysError>("other", |found| {
        assert_eq!(found, None);
        Ok(vec!["one".into()])
    })
    .unwrap();
    assert_ne!(file.edition().unwrap(), before);
    assert_eq!(file.member("other").unwrap(), Some(vec!["one".to_owned()]));
    let again = Keys::in_directory(directory.path()).unwrap();
    assert_eq!(again.active(), keys.active());
    assert!(again.opener(crate::LABELS).is_ok());
    assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn simultaneous_changes_build_on_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys::in_directory(directory.path()).unwrap();
    std::thread::scope(|scope| {
        for n in 0..16 {
            let file = keys.file();
            scope.spawn(move || {
                let add = |found: Option<Vec<u32>>| Ok::<_, KeysError>([found.unwrap_or_default(), vec![n]].concat());
                file.change("other", add).unwrap();
            });
        }
    });
    let mut all: Vec<u32> = keys.file().member("other").unwrap().unwrap();
    all.sort_unstable();
    assert_eq!(all, (0..16).collect::<Vec<_>>());
}

#[test]
fn a_change_that_fails_changes_nothing_and_an_error_quotes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys::in_directory(directory.path()).unwrap();
    let before = fs::read(keys.file().path()).unwrap();
    let missing = || KeysError::Missing { path: "nowhere".into() };
    keys.file().change::<Vec<String>, KeysError>("other", |_| Err(missing())).unwrap_err();
    assert_eq!(fs::read(keys.file().path()).unwrap(), before);

    keys.file().change::<String, KeysError>("other", |_| Ok("hunter2".into())).unwrap();
    let error = keys.file().member::<u32>("other").unwrap_err().to_string();
    assert!(error.contains("other") && !error.contains("hunter2"), "{error}");
}

use auth_domain::{ImportedHash, PasswordHash};

/// Checks that every accepted hash has one spelling, that an imported one can be stored, and that `Debug` shows neither.
///
/// # Panics
/// When the property does not hold.
pub fn password_hash(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match ImportedHash::parse(text) {
        Ok(ImportedHash::Ready(hash)) => {
            let stored = hash.expose();
            assert!(PasswordHash::parse(&stored).is_ok_and(|again| again.expose() == stored), "it cannot be stored");
            assert!(stored.contains(hash.expose_digest()), "the digest is a part of the text");
            assert!(!format!("{hash:?}").contains(hash.expose_digest()), "`Debug` shows the digest");
        }
        Ok(ImportedHash::Weak(digest)) => {
            assert!(PasswordHash::parse(text).is_err(), "a weak digest is never stored as it is");
            assert!(!format!("{digest:?}").contains(digest.expose_hex()), "`Debug` shows the digest");
        }
        Err(_) => assert!(PasswordHash::parse(text).is_err(), "a stored hash can be imported"),
    }
    if let Ok(hash) = PasswordHash::parse(text) {
        assert_eq!(hash.expose(), text);
    }
}

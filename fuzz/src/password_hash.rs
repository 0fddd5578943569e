use auth_domain::PasswordHash;

/// Checks that every accepted hash has one spelling, and that `Debug` does not show it.
///
/// # Panics
/// When the property does not hold.
pub fn password_hash(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(hash) = PasswordHash::parse(text) else { return };
    assert_eq!(hash.expose(), text);
    assert!(text.ends_with(hash.expose_digest()), "the digest is the last part");
    assert!(!format!("{hash:?}").contains(hash.expose_digest()), "`Debug` shows the digest");
}

use auth_domain::PasswordHash;

/// A hash has one spelling, and is not shown by chance.
///
/// # Panics
/// When that does not hold.
pub fn password_hash(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(hash) = PasswordHash::parse(text) else { return };
    assert_eq!(hash.expose(), text);
    assert!(text.ends_with(hash.expose_digest()), "the digest is the last part");
    assert!(!format!("{hash:?}").contains(hash.expose_digest()), "it is shown");
}

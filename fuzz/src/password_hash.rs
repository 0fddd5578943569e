use auth_domain::{BcryptSha256, PasswordHash};

/// A hash has one spelling, a cost that can be paid, and parts that make the same hash; it is not shown by chance.
///
/// # Panics
/// When that does not hold.
pub fn password_hash(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(hash) = PasswordHash::parse(text) else { return };
    assert_eq!(hash.expose(), text);
    let PasswordHash::BcryptSha256(parts) = &hash;
    let again = BcryptSha256::try_new(parts.cost(), parts.salt(), parts.expose_digest()).expect("its own parts");
    assert_eq!(PasswordHash::from(again).expose(), text);
    assert!((10..=15).any(|cost| text.contains(&format!(",r={cost}$"))), "a cost that nobody may ask for");
    let shown = format!("{hash:?}");
    assert!(!shown.contains(parts.salt()) && !shown.contains(parts.expose_digest()), "it is shown");
}

use identity::Email;

/// Checks every accepted email address:
///
/// - It is kept as typed, except for white space around it and invisible characters in its domain.
/// - Its canonical form is plain ASCII, and is an address with the same canonical form.
/// - It can be stored and read again.
///
/// # Panics
/// When the property does not hold.
pub fn email(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(email) = Email::parse(text) else { return };
    let typed = kernel::trim(text);
    if !typed.chars().any(kernel::is_ignorable) {
        assert_eq!(email.as_str(), typed);
    }
    let canonical = email.canonical();
    assert!(canonical.len() <= 254 && email.as_str().len() <= 254, "longer than mail can be delivered to");
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"\"(),:;<>[\\]".contains(&byte);
    assert!(canonical.bytes().all(is_plain), "{canonical:?}");
    assert_eq!(canonical.matches('@').count(), 1, "{canonical:?}");
    let again = Email::parse(canonical).expect("the canonical form is an address");
    assert_eq!(again.canonical(), canonical);
    let stored = serde_json::to_string(&email).expect("it can be written");
    assert_eq!(serde_json::from_str::<Email>(&stored).ok(), Some(email));
}

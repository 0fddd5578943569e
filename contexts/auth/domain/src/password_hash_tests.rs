use super::{HashError, PasswordHash};
use crate::BcryptCost;
use proptest::prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest};

const OURS: &str = "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW";
const IMPORTED: [&str; 6] = [
    "$bcrypt-sha256$2b,12$n79VH.0Q2TMWmt3Oqt9uku$yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW",
    "$2a$12$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW",
    "$2b$12$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW",
    "$2y$12$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW",
    "bcrypt_sha256$$2b$12$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW",
    "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$w0iCgWs8sY5kMWrt8WBbtJu3jLkCYcLNgquXcT3IKPg",
];

/// The cost of the hash that replaces this one.
fn renewal(text: &str, target: u8) -> Option<u8> {
    let target = BcryptCost::try_from(target).expect("in range");
    PasswordHash::parse(text).expect(text).renewal(target).map(BcryptCost::log2)
}

#[test]
fn ours_is_renewed_only_to_a_higher_cost() {
    assert_eq!(renewal(OURS, 11), None);
    assert_eq!(renewal(OURS, 12), None);
    assert_eq!(renewal(OURS, 13), Some(13));
}

#[test]
fn an_imported_hash_is_renewed_and_never_to_a_lower_cost() {
    for text in IMPORTED {
        assert_eq!((renewal(text, 12), renewal(text, 13)), (Some(12), Some(13)), "{text}");
    }
    let [.., argon2id] = IMPORTED;
    assert_eq!(renewal(argon2id, 10), Some(10));
    for text in &IMPORTED[..5] {
        assert_eq!(renewal(text, 10), Some(12), "{text}");
    }
}

#[test]
fn only_version_2_is_ours() {
    assert!(PasswordHash::parse(OURS).is_ok_and(|hash| hash.is_ours()));
    for text in IMPORTED {
        assert!(PasswordHash::parse(text).is_ok_and(|hash| !hash.is_ours()), "{text}");
    }
}

#[test]
fn the_digest_is_the_last_part() {
    for text in IMPORTED.into_iter().chain([OURS]) {
        let digest = if text.contains("argon2id") { 43 } else { 31 };
        let hash = PasswordHash::parse(text).expect(text);
        assert_eq!(hash.expose_digest(), &text[text.len() - digest..]);
    }
}

#[test]
fn a_text_of_no_known_scheme_is_refused() {
    for text in ["", "$", "$$$$$", "password", "{SSHA}x", "$1$salt$x", "!", "$y$j9T$x", "pbkdf2:sha256:1$x$y", "a:b"] {
        assert_eq!(PasswordHash::parse_imported(text).err(), Some(HashError::Unsupported), "{text:?}");
    }
    for text in ["$argon2id$", "$2b$", "bcrypt_sha256$", "$5$", "$P$", "scrypt$", "$pbkdf2-sha256$", "$firescrypt$"] {
        assert_eq!(PasswordHash::parse_imported(text).err(), Some(HashError::Malformed), "{text:?}");
    }
}

#[test]
fn errors_reveal_nothing_of_the_hash_and_have_stable_codes() {
    let told = |error: HashError| (error.to_string(), error.import_code());
    for (error, message, code) in [
        (HashError::Unsupported, "the password hash has no supported format", "password_hash_unsupported"),
        (HashError::Malformed, "the password hash does not follow its format", "password_hash_invalid"),
        (
            HashError::TooCostly,
            "the parameters of the password hash are too costly to verify it",
            "password_hash_too_costly",
        ),
        (HashError::TooWeak, "the cost of a bcrypt hash must be at least 10", "password_hash_too_weak"),
    ] {
        assert_eq!(told(error), (message.to_owned(), code));
    }
}

/// A hash with some bytes overwritten, removed or doubled.
fn damaged() -> impl Strategy<Value = String> {
    let texts = prop_oneof![proptest::sample::select(&IMPORTED[..]), proptest::strategy::Just(OURS)];
    (texts, any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), ".{0,3}").prop_map(
        |(text, from, to, between)| {
            let (from, to) = (from.index(text.len() + 1), to.index(text.len() + 1));
            format!("{}{between}{}", &text[..from], &text[to..])
        },
    )
}

proptest! {
    #[test]
    fn every_text_is_refused_or_written_as_it_was_read(text in prop_oneof![any::<String>(), damaged()]) {
        // An accepted text is written as it was read.
        if let Ok(hash) = PasswordHash::parse(&text) {
            prop_assert_eq!(hash.expose(), text);
        }
    }
}

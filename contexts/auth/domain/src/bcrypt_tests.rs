use super::{Bcrypt, BcryptFormat, Revision};
use crate::{BcryptCost, HashError, PasswordHash};

const SALT: &str = "n79VH.0Q2TMWmt3Oqt9uku";
const DIGEST: &str = "yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW";

/// Hashes that passlib, Python's bcrypt and Django have written, and their formats.
const FORMS: [(&str, BcryptFormat); 10] = [
    ("$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW", BcryptFormat::Sha256V2),
    (
        "$bcrypt-sha256$2a,10$n79VH.0Q2TMWmt3Oqt9uku$yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW",
        BcryptFormat::Sha256V1(Revision::A),
    ),
    (
        "$bcrypt-sha256$2b,10$n79VH.0Q2TMWmt3Oqt9uku$yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW",
        BcryptFormat::Sha256V1(Revision::B),
    ),
    ("bcrypt_sha256$$2a$10$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW", BcryptFormat::Django(Revision::A)),
    ("bcrypt_sha256$$2b$10$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW", BcryptFormat::Django(Revision::B)),
    ("bcrypt_sha256$$2y$10$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW", BcryptFormat::Django(Revision::Y)),
    ("$wp$2y$10$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW", BcryptFormat::WordPress(Revision::Y)),
    ("$2a$10$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW", BcryptFormat::Plain(Revision::A)),
    ("$2b$10$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW", BcryptFormat::Plain(Revision::B)),
    ("$2y$10$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW", BcryptFormat::Plain(Revision::Y)),
];

fn error(text: &str) -> Option<HashError> {
    PasswordHash::parse(text).err()
}

fn cost(log2: u8) -> BcryptCost {
    BcryptCost::try_from(log2).expect("in range")
}

#[test]
fn every_format_is_read_and_written_unchanged() {
    for (text, form) in FORMS {
        let hash = PasswordHash::parse(text).expect(text);
        assert_eq!(hash.expose(), text);
        let PasswordHash::Bcrypt(parts) = hash else { panic!("{text}: bcrypt") };
        let read = (parts.form(), parts.cost(), parts.salt(), parts.expose_digest());
        assert_eq!(read, (form, cost(10), SALT, DIGEST), "{text}");
    }
}

#[test]
fn a_computed_hash_is_written_in_every_format() {
    for (text, form) in FORMS {
        assert_eq!(Bcrypt::try_new(form, cost(10), SALT, DIGEST).expect("a hash").expose(), text);
    }
}

#[test]
fn a_stored_cost_out_of_bounds_is_refused_in_every_format() {
    for (text, _) in FORMS {
        let with = |log2: &str| text.replacen("10", log2, 1);
        for log2 in ["00", "04", "9"] {
            assert_eq!(error(&with(log2)), Some(HashError::TooWeak), "{}", with(log2));
        }
        for log2 in ["16", "31", "255", "256", "4294967296"] {
            assert_eq!(error(&with(log2)), Some(HashError::TooCostly), "{}", with(log2));
        }
        for log2 in ["10", "12", "15"] {
            assert_eq!(error(&with(log2)), None, "{}", with(log2));
        }
    }
}

#[test]
fn a_cost_has_one_spelling_in_every_format() {
    for (text, _) in FORMS {
        for log2 in ["", "+10", "010", "-1", "10 ", " 10", "１０", "1e1"] {
            let text = text.replacen("10", log2, 1);
            assert_eq!(error(&text), Some(HashError::Malformed), "{text}");
        }
    }
}

#[test]
fn a_truncated_or_extended_hash_is_refused() {
    for (text, _) in FORMS {
        for end in 0..text.len() {
            assert!(error(&text[..end]).is_some(), "{}", &text[..end]);
        }
        for other in
            [format!(" {text}"), format!("{text} "), format!("{text}$"), format!("{text}\n"), format!("${text}")]
        {
            assert!(matches!(error(&other), Some(HashError::Malformed | HashError::Unsupported)), "{other:?}");
        }
    }
}

#[test]
fn other_formats_are_refused() {
    let [v2, _, v1, _, django, _, _, _, plain, _] = FORMS.map(|(text, _)| text);
    for text in [
        &plain.replace("$2b", "$2x"),
        &plain.replace("$2b", "$2"),
        &plain.replace("$2b", "$2B"),
        &plain.replace("$2b", "2b"),
        &format!("bcrypt${plain}"),
        &v1.replace("2b,", "2x,"),
        &v1.replace("2b,", "2y,"),
        &v1.replace("$bcrypt", "bcrypt"),
        &v2.replace("v=2", "v=1"),
        &v2.replace("v=2", "v=3"),
        &v2.replace("t=2b", "t=2a"),
        &v2.replace("$bcrypt", "$Bcrypt"),
        &django.replace("2b", "2x"),
        &django.replace("$$", "$"),
        &format!("${django}"),
    ] {
        assert!(matches!(error(text), Some(HashError::Malformed | HashError::Unsupported)), "{text:?}");
    }
}

#[test]
fn an_import_drops_what_django_writes_before_a_plain_hash() {
    let [.., (plain, _), _] = FORMS;
    assert_eq!(PasswordHash::parse_imported(&format!("bcrypt${plain}")).expect("a hash").expose(), plain);
}

#[test]
fn salt_and_digest_are_base64_of_16_and_23_bytes() {
    let error = |salt: &str, digest: &str| Bcrypt::try_new(BcryptFormat::Sha256V2, cost(10), salt, digest).err();
    assert_eq!(error(SALT, DIGEST), None);
    for salt in [
        "",
        &SALT[1..],
        &format!("{SALT}u"),
        "n79VH.0Q2TMWmt3Oqt9uk=",
        "n79VH.0Q2TM+mt3Oqt9uku",
        "n79VH.0Q2TMWmt3Oqt9ué.",
    ] {
        assert_eq!(error(salt, DIGEST), Some(HashError::Malformed), "{salt}");
    }
    for digest in ["", &DIGEST[1..], &format!("{DIGEST}W"), &DIGEST.replace('/', "-"), &format!("{}X", &DIGEST[..30])] {
        assert_eq!(error(SALT, digest), Some(HashError::Malformed), "{digest}");
    }
}

#[test]
fn debugging_shows_neither_salt_nor_digest() {
    let shown = format!("{:?}", PasswordHash::parse(FORMS[0].0).expect("a hash"));
    assert_eq!(shown, "Bcrypt(Bcrypt { form: Sha256V2, cost: BcryptCost(10), .. })");
}

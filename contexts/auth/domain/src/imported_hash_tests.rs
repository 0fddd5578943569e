use crate::{HashError, ImportedHash, PasswordHash, WeakDigest};
use proptest::prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest};

/// Hashes that the libraries of other systems have made: source, text, stored text. `imported_hashes.py` writes them.
const HASHES: &str = include_str!("../fixtures/imported_hashes.tsv");

fn rows() -> impl Iterator<Item = [&'static str; 3]> {
    HASHES.lines().map(|line| line.split('\t').collect::<Vec<_>>().try_into().expect("three columns"))
}

/// The stored text of a row whose text begins so.
fn stored(start: &str) -> &'static str {
    rows().map(|[_, _, stored]| stored).find(|stored| stored.starts_with(start)).expect(start)
}

fn imported(text: &str) -> Result<String, HashError> {
    PasswordHash::parse_imported(text).map(|hash| hash.expose())
}

/// The error of a hash with a part replaced.
fn changed(start: &str, from: &str, to: &str) -> Option<HashError> {
    let text = stored(start);
    assert!(text.contains(from), "{text}: {from}");
    imported(&text.replacen(from, to, 1)).err()
}

#[test]
fn every_source_s_hash_is_read_and_has_one_stored_text() {
    assert!(rows().count() > 30);
    for [source, text, stored] in rows() {
        assert_eq!(imported(text).as_deref(), Ok(stored), "{source} {text}");
        let again = PasswordHash::parse(stored).expect(stored);
        assert_eq!(again.expose(), stored, "{source}: an export can be imported again");
        assert!(stored.contains(again.expose_digest()), "{stored}");
        if text != stored {
            assert_eq!(PasswordHash::parse(text).err(), Some(HashError::Malformed), "{source}: only one is stored");
        }
    }
}

#[test]
fn hostile_costs_are_refused() {
    for (start, from, to) in [
        ("$pbkdf2-sha256$", "i=1000", "i=2000001"),
        ("$pbkdf2-sha256$", "i=1000", "i=4294967296"),
        ("$scrypt$", "ln=10", "ln=19"),
        ("$scrypt$", "ln=10", "ln=63"),
        ("$scrypt$", "ln=10", "ln=2147483648"),
        ("$scrypt$", "r=4", "r=65"),
        ("$scrypt$", "r=4", "r=4294967295"),
        ("$scrypt$", "p=2", "p=1025"),
        ("$scrypt$", "p=2", "p=4294967295"),
        ("$scrypt$ln=10,r=4,p=2", "ln=10,r=4,p=2", "ln=17,r=8,p=5"),
        ("$firescrypt$", "ln=10", "ln=31"),
        ("$firescrypt$", "r=8", "r=1024"),
        ("$5$rounds", "rounds=1000", "rounds=700001"),
        ("$6$rounds", "rounds=1001", "rounds=999999999"),
        ("$P$", "$P$6", "$P$I"),
        ("$P$", "$P$6", "$P$S"),
        ("$wp$", "$10$", "$31$"),
        ("$bcrypt-pepper$", "$10$", "$31$"),
        ("$wrapped$", "$10$", "$16$"),
    ] {
        assert_eq!(changed(start, from, to), Some(HashError::TooCostly), "{start} {to}");
    }
}

#[test]
fn the_highest_costs_are_accepted() {
    for (start, from, to) in [
        ("$pbkdf2-sha1$", "i=1000", "i=2000000"),
        ("$scrypt$", "ln=10,r=4,p=2", "ln=17,r=8,p=4"),
        ("$scrypt$", "ln=10,r=4,p=2", "ln=14,r=64,p=4"),
        ("$scrypt$", "ln=10,r=4,p=2", "ln=1,r=1,p=1"),
        ("$5$rounds", "rounds=1000", "rounds=700000"),
        ("$P$", "$P$6", "$P$H"),
        ("$P$", "$P$6", "$P$5"),
        ("$wp$", "$10$", "$15$"),
    ] {
        assert_eq!(changed(start, from, to), None, "{start} {to}");
    }
}

#[test]
fn impossible_costs_and_lengths_are_malformed() {
    for (start, from, to) in [
        ("$pbkdf2-sha256$", "i=1000", "i=0"),
        ("$pbkdf2-sha256$", "i=1000", "i="),
        ("$pbkdf2-sha256$", "l=32", "l=31"),
        ("$scrypt$", "ln=10", "ln=0"),
        ("$scrypt$", "r=4", "r=0"),
        ("$scrypt$", "p=2", "p=0"),
        // N must be less than 2^(16 r).
        ("$scrypt$", "ln=10,r=4", "ln=16,r=1"),
        // Not a power of two.
        ("$scrypt$", "ln=10", "ln=1000"),
        ("$5$rounds", "rounds=1000", "rounds=999"),
        ("$5$rounds", "$salt$", "$seventeen0letters$"),
        ("$5$rounds", "$salt$", "$$"),
        ("$5$rounds", "$salt$", "$s:lt$"),
        ("$P$", "$P$6", "$P$4"),
        ("$P$", "$P$6", "$P$!"),
        ("$P$", "a.salt/8", "a.salt/88"),
        ("$firescrypt$", "$Bw$", "$B$"),
        // The signer key is shorter than the digest.
        ("$firescrypt$", "OTo7PD0+Pw", "OTo7PD0+"),
        ("$bcrypt-pepper$", "$bcrypt-pepper$", "$bcrypt-pepper$AA"),
        ("$wrapped$md5,before", "before", "between"),
        ("$wrapped$md5$", "md5", "md5,"),
    ] {
        assert_eq!(changed(start, from, to), Some(HashError::Malformed), "{start} {to}");
    }
    let long = "A".repeat(88);
    for text in [
        format!("$pbkdf2-sha256$i=1000${long}$AAAAAAAAAAAAAAAAAAAAAA"),
        "$pbkdf2-sha256$i=1000$$AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "$pbkdf2-sha256$i=1000$AAAA$AAAAAAAAAAAAAAAAAAAA".to_owned(),
        format!("$scrypt$ln=10,r=8,p=1${long}$AAAAAAAAAAAAAAAAAAAAAA"),
        "$scrypt$ln=10,r=8,p=1$AAAA$AAAAAAAAAAAAAAAAAAAA".to_owned(),
        format!("$bcrypt-pepper${long}$2a$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV."),
        "$bcrypt-pepper$$2a$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.".to_owned(),
        "$bcrypt-pepper$YQBi$2a$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.".to_owned(),
    ] {
        assert_eq!(imported(&text).err(), Some(HashError::Malformed), "{text}");
    }
}

#[test]
fn other_variants_of_a_known_scheme_are_unsupported() {
    for (start, from, to) in [
        ("$pbkdf2-sha256$", "sha256", "sha384"),
        ("$pbkdf2-sha256$", "sha256", "md5"),
        ("$scrypt$", "$scrypt$", "$scrypt-nfd$"),
        ("$wrapped$md5$", "md5", "md4"),
    ] {
        assert_eq!(changed(start, from, to), Some(HashError::Unsupported), "{start} {to}");
    }
    assert_eq!(imported("$fbscrypt$v=2,n=10,r=8,p=1,ss=Bw==,sk=AA$AA$AA").err(), Some(HashError::Unsupported));
}

#[test]
fn only_the_first_block_of_a_pbkdf2_digest_is_stored() {
    let digest = |bytes: usize| "A".repeat((bytes * 8).div_ceil(6));
    for (prf, bytes) in [("sha1", 20), ("sha256", 32), ("sha512", 64)] {
        let text = format!("$pbkdf2-{prf}$i=1000,l=64$AAAA${}", digest(64));
        assert_eq!(imported(&text), Ok(format!("$pbkdf2-{prf}$i=1000,l={bytes}$AAAA${}", digest(bytes))));
    }
}

#[test]
fn a_weak_digest_is_recognised_with_its_salt() {
    let (md5, sha1, sha256) = ("0123456789abcdef".repeat(2), "01234567".repeat(5), "01234567".repeat(8));
    for (text, read) in [
        (md5.clone(), format!("$md5${md5}")),
        (sha1.to_uppercase(), format!("$sha1${sha1}")),
        (sha256.clone(), format!("$sha256${sha256}")),
        (format!("md5$(salt)${md5}"), format!("$md5,before=KHNhbHQp${md5}")),
        (format!("sha1$${sha1}"), format!("$sha1${sha1}")),
        (format!("$sha256,after=KHNhbHQp${sha256}"), format!("$sha256,after=KHNhbHQp${sha256}")),
        (format!("$md5${}", md5.to_uppercase()), format!("$md5${md5}")),
    ] {
        let Ok(ImportedHash::Weak(digest)) = ImportedHash::parse(&text) else { panic!("{text}") };
        assert_eq!(digest.expose(), read);
        assert!(!format!("{digest:?}").contains(digest.expose_hex()));
        assert!(PasswordHash::parse_imported(&text).is_err(), "{text}: never stored as it is");
    }
    for text in [
        format!("$md5${sha1}"),
        format!("md5$salt${sha256}"),
        format!("$md5,before=!${md5}"),
        format!("$md5,between=AAAA${md5}"),
        format!("$md5,before={}${md5}", "A".repeat(88)),
        format!("$md5$AAAA${md5}"),
        "$md5$".to_owned(),
        "md5$salt".to_owned(),
    ] {
        assert_eq!(WeakDigest::parse(&text).err(), Some(HashError::Malformed), "{text}");
    }
    for [_, text, _] in rows() {
        assert!(matches!(ImportedHash::parse(text), Ok(ImportedHash::Ready(_))), "{text}");
    }
}

#[test]
fn debugging_shows_no_secret_of_any_format() {
    for [_, _, stored] in rows() {
        let shown = format!("{:?}", PasswordHash::parse(stored).expect(stored));
        let secrets = stored.split(['$', '=', ',']).filter(|part| part.len() > 10);
        for secret in secrets.filter(|part| !part.starts_with("bcrypt")) {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

/// A hash with some bytes overwritten, removed or doubled.
fn damaged() -> impl Strategy<Value = String> {
    let texts = proptest::sample::select(rows().map(|[_, text, _]| text).collect::<Vec<_>>());
    (texts, any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), "[$=,:0-9]{0,3}").prop_map(
        |(text, from, to, between)| {
            let (from, to) = (from.index(text.len() + 1), to.index(text.len() + 1));
            format!("{}{between}{}", &text[..from], &text[to..])
        },
    )
}

proptest! {
    #[test]
    fn every_text_is_refused_or_stored_in_one_spelling(text in prop_oneof![any::<String>(), damaged()]) {
        if let Ok(ImportedHash::Ready(hash)) = ImportedHash::parse(&text) {
            let stored = hash.expose();
            prop_assert_eq!(PasswordHash::parse(&stored).map(|again| again.expose()), Ok(stored));
        }
    }
}

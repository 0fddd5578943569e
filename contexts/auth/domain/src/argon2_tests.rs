use crate::{Argon2Variant, HashError, PasswordHash};

/// argon2-cffi's hash of `Correct horse battery`.
const HASH: &str = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$LKs7inkI/oKjk7aX707pJ0SWeVlmd8V/+h387oAmkCM";

fn error(text: &str) -> Option<HashError> {
    PasswordHash::parse(text).err()
}

fn with(memory: &str, passes: &str, lanes: &str) -> String {
    HASH.replace("m=64,t=1,p=1", &format!("m={memory},t={passes},p={lanes}"))
}

#[test]
fn a_stored_hash_is_read_and_written_unchanged() {
    let text = with("102400", "2", "8");
    let hash = PasswordHash::parse(&text).expect("a hash");
    assert_eq!(hash.expose(), text);
    let PasswordHash::Argon2(parts) = hash else { panic!("argon2") };
    assert_eq!(
        (parts.variant(), parts.memory_kib(), parts.passes(), parts.lanes()),
        (Argon2Variant::Id, 102_400, 2, 8)
    );
    assert_eq!((parts.salt(), parts.digest_bytes()), (&b"0123456789abcdef"[..], 32));
    assert_eq!(parts.expose_digest(), "LKs7inkI/oKjk7aX707pJ0SWeVlmd8V/+h387oAmkCM");
}

#[test]
fn an_import_reads_django_s_prefix_padding_and_argon2i() {
    let imported = |text: &str| PasswordHash::parse_imported(text).map(|hash| hash.expose());
    assert_eq!(imported(&format!("argon2{HASH}")).as_deref(), Ok(HASH));
    assert_eq!(imported(&format!("{HASH}=")).as_deref(), Ok(HASH));
    let argon2i = HASH.replace("argon2id", "argon2i");
    assert_eq!(imported(&argon2i), Ok(argon2i));
}

#[test]
fn parameters_out_of_bounds_are_refused() {
    for (memory, passes, lanes) in [("131072", "10", "16"), ("8", "1", "1"), ("128", "1", "16"), ("65536", "3", "4")] {
        assert_eq!(error(&with(memory, passes, lanes)), None, "{memory} {passes} {lanes}");
    }
    for (memory, passes, lanes) in [
        ("131073", "1", "1"),
        ("4294967295", "1", "1"),
        ("64", "11", "1"),
        ("64", "4294967295", "1"),
        ("65536", "1", "17"),
        // Eight times as many KiB overflow 32 bits.
        ("65536", "1", "4294967295"),
    ] {
        assert_eq!(error(&with(memory, passes, lanes)), Some(HashError::TooCostly), "{memory} {passes} {lanes}");
    }
    for (memory, passes, lanes) in [("7", "1", "1"), ("127", "1", "16"), ("64", "0", "1"), ("64", "1", "0")] {
        assert_eq!(error(&with(memory, passes, lanes)), Some(HashError::Malformed), "{memory} {passes} {lanes}");
    }
}

#[test]
fn numbers_have_one_spelling() {
    for number in ["", "+64", "064", "-64", "64 ", "６４", "4294967296"] {
        for text in [with(number, "1", "1"), with("64", number, "1"), with("64", "1", number)] {
            assert!(error(&text).is_some(), "{text}");
        }
    }
    for text in [with("064", "1", "1"), with("64", "+1", "1"), with("64", "1", "01")] {
        assert_eq!(error(&text), Some(HashError::Malformed), "{text}");
    }
}

#[test]
fn other_formats_are_refused() {
    for text in [
        &HASH.replace("v=19$", ""),
        &HASH.replace("m=64,t=1,p=1", "t=1,m=64,p=1"),
        &HASH.replace("p=1$", "p=1,keyid=AA$"),
        &HASH.replace("p=1$", "p=1,data=AA$"),
        &format!("argon2{HASH}"),
        &format!("{HASH}="),
        &format!("{HASH} "),
        &format!("{HASH}$"),
        &HASH.replace("MDEy", "MD-y"),
    ] {
        assert_eq!(error(text), Some(HashError::Malformed), "{text:?}");
    }
    for text in [&HASH.replace("argon2id", "argon2d"), &HASH.replace("v=19", "v=16")] {
        assert_eq!(error(text), Some(HashError::Unsupported), "{text:?}");
    }
    for end in 0..HASH.len() - 22 {
        assert!(error(&HASH[..end]).is_some(), "{}", &HASH[..end]);
    }
}

#[test]
fn a_salt_has_8_to_64_bytes_and_a_digest_16_to_64() {
    // The base64 of `bytes` zeros.
    let zeros = |bytes: usize| "A".repeat((bytes * 8).div_ceil(6));
    let text = |salt, digest| format!("$argon2id$v=19$m=64,t=1,p=1${}${}", zeros(salt), zeros(digest));
    for (salt, digest) in [(8, 16), (64, 64), (16, 32)] {
        assert_eq!(error(&text(salt, digest)), None, "{salt} {digest}");
    }
    for (salt, digest) in [(7, 16), (65, 16), (8, 15), (8, 65), (0, 32), (16, 0)] {
        assert_eq!(error(&text(salt, digest)), Some(HashError::Malformed), "{salt} {digest}");
    }
}

#[test]
fn debugging_shows_neither_salt_nor_digest() {
    let shown = format!("{:?}", PasswordHash::parse(HASH).expect("a hash"));
    assert_eq!(shown, "Argon2(Argon2 { variant: Id, memory_kib: 64, passes: 1, lanes: 1, .. })");
}

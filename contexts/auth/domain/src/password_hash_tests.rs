use super::{BcryptSha256, Cost, CostOutOfRange, HashError, PasswordHash};

const SALT: &str = "n79VH.0Q2TMWmt3Oqt9uku";
const DIGEST: &str = "yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW";
/// passlib's hash of `password`.
const HASH: &str = "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$yca7zBbWf3IG1yYjoUr1eyvU8/XjHIW";

fn error(text: &str) -> Option<HashError> {
    PasswordHash::parse(text).err()
}

fn cost(log2: u8) -> Cost {
    Cost::try_from(log2).expect("in range")
}

#[test]
fn a_stored_hash_is_read_and_written_unchanged() {
    let hash = PasswordHash::parse(HASH).expect("a hash");
    assert_eq!(hash.expose(), HASH);
    let PasswordHash::BcryptSha256(parts) = hash;
    assert_eq!((parts.cost(), parts.salt(), parts.expose_digest()), (cost(10), SALT, DIGEST));
}

#[test]
fn a_computed_hash_is_written_as_it_is_read() {
    let hash = PasswordHash::from(BcryptSha256::try_new(cost(10), SALT, DIGEST).expect("a hash"));
    assert_eq!(hash.expose(), HASH);
}

#[test]
fn a_cost_is_10_to_15_and_12_by_default() {
    assert_eq!(Cost::try_from(9), Err(CostOutOfRange));
    assert_eq!(Cost::try_from(10).map(Cost::log2), Ok(10));
    assert_eq!(Cost::try_from(15).map(Cost::log2), Ok(15));
    assert_eq!(Cost::try_from(16), Err(CostOutOfRange));
    assert_eq!(Cost::default().log2(), 12);
    assert!(cost(11) < Cost::default(), "a lower cost is seen to be lower");
}

#[test]
fn a_stored_cost_out_of_bounds_is_refused() {
    for log2 in ["0", "4", "5", "9", "16", "31", "255"] {
        let text = HASH.replace("r=10", &format!("r={log2}"));
        assert_eq!(error(&text), Some(HashError::Cost(CostOutOfRange)), "{log2}");
    }
    for log2 in ["10", "12", "15"] {
        assert_eq!(error(&HASH.replace("r=10", &format!("r={log2}"))), None, "{log2}");
    }
}

#[test]
fn a_cost_has_one_spelling() {
    for log2 in ["", "+10", "010", "-1", "256", "10 ", "１０", "1e1"] {
        assert_eq!(error(&HASH.replace("r=10", &format!("r={log2}"))), Some(HashError::Malformed), "{log2}");
    }
}

#[test]
fn other_forms_are_refused() {
    for text in [
        "",
        "$",
        "password",
        "$2b$10$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW",
        "$2x$10$n79VH.0Q2TMWmt3Oqt9ukuyca7zBbWf3IG1yYjoUr1eyvU8/XjHIW",
        "$bcrypt-sha256$v=2,t=2b,r=10",
        "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku",
        &HASH.replace("v=2", "v=1"),
        &HASH.replace("t=2b", "t=2a"),
        &HASH.replace("$bcrypt", "$Bcrypt"),
        &format!(" {HASH}"),
        &format!("{HASH} "),
        &format!("{HASH}$"),
        &format!("{HASH}\n"),
    ] {
        assert_eq!(error(text), Some(HashError::Malformed), "{text:?}");
    }
}

#[test]
fn salt_and_digest_are_base64_of_16_and_23_bytes() {
    let error = |salt: &str, digest: &str| BcryptSha256::try_new(cost(10), salt, digest).err();
    assert_eq!(error(SALT, DIGEST), None);
    for salt in [
        "",
        "n79VH.0Q2TMWmt3Oqt9uk",
        "n79VH.0Q2TMWmt3Oqt9ukuu",
        "n79VH.0Q2TMWmt3Oqt9uk=",
        "n79VH.0Q2TM+mt3Oqt9uku",
        "n79VH.0Q2TMWmt3Oqt9ué.",
    ] {
        assert_eq!(error(salt, DIGEST), Some(HashError::Malformed), "{salt}");
    }
    for digest in ["", &DIGEST[1..], &format!("{DIGEST}W"), &DIGEST.replace('/', "-")] {
        assert_eq!(error(SALT, digest), Some(HashError::Malformed), "{digest}");
    }
}

#[test]
fn unused_bits_are_zero() {
    let ends = |text: &str, taken: &dyn Fn(&str) -> bool| -> String {
        let ended = |last: &char| taken(&format!("{}{last}", &text[..text.len() - 1]));
        super::ALPHABET.chars().filter(ended).collect()
    };
    assert_eq!(ends(SALT, &|salt| BcryptSha256::try_new(cost(10), salt, DIGEST).is_ok()), ".Oeu");
    assert_eq!(ends(DIGEST, &|digest| BcryptSha256::try_new(cost(10), SALT, digest).is_ok()), ".CGKOSWaeimquy26");
}

#[test]
fn debugging_shows_neither_salt_nor_digest() {
    let shown = format!("{:?}", PasswordHash::parse(HASH).expect("a hash"));
    assert_eq!(shown, "BcryptSha256(BcryptSha256 { cost: Cost(10), .. })");
}

#[test]
fn errors_say_nothing_of_the_hash() {
    assert_eq!(HashError::Malformed.to_string(), "not a password hash of a known scheme");
    assert_eq!(HashError::from(CostOutOfRange).to_string(), "the cost of a password hash must be 10 to 15");
}

use super::{BreachedPasswords, MinCharsOutOfRange, PasswordFlaw, PasswordPolicy};
use PasswordFlaw::{
    Breached, Common, ContainsEmail, ContainsName, ContainsService, HasNul, Repetitive, Sequential, TooLong,
};
use identity::Email;
use kernel::{DomainError as _, Secret};
use std::sync::Arc;

const TOO_SHORT: PasswordFlaw = PasswordFlaw::TooShort { min_chars: 15 };

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

fn check(password: &str) -> Vec<PasswordFlaw> {
    check_for(password, "ada.king@bücher.example", Some("Ada Lovelace"))
}

fn check_for(password: &str, address: &str, name: Option<&str>) -> Vec<PasswordFlaw> {
    PasswordPolicy::default().check(password, Some(&email(address)), name)
}

#[test]
fn good_passwords_of_any_kind_are_accepted() {
    for password in [
        "correct horse battery staple",
        "correcthorsebatterystaple",
        "   a b c with  spaces kept   ",
        "839201746583920",
        "ключ от старой двери",
        "🦀🐎🔋📎🍊🚲🌧🎻🧲🪴🛶🎈🥨🦉🗝",
        "my king lives in a small castle",
        "lovelace wrote the first program",
        "I met ada at the book fair",
        "j7$Kq!x2Pw9#Lm4",
    ] {
        assert_eq!(check(password), [], "{password}");
    }
}

#[test]
fn fifteen_characters_are_enough_and_fourteen_are_not() {
    assert_eq!(check("quick wet snail"), []);
    assert_eq!(check("quick wet snai"), [TOO_SHORT]);
}

#[test]
fn characters_count_not_bytes() {
    assert_eq!(check("жук ест яблоко"), [TOO_SHORT], "14 characters, 26 bytes");
    assert_eq!(check("жук съел яблоко"), []);
}

#[test]
fn the_minimum_of_a_policy_is_8_to_64_characters() {
    assert_eq!(PasswordPolicy::try_from(7).err(), Some(MinCharsOutOfRange));
    assert_eq!(PasswordPolicy::try_from(65).err(), Some(MinCharsOutOfRange));
    for min_chars in [8, 64] {
        let policy = PasswordPolicy::try_from(min_chars).expect("in range");
        assert_eq!(policy.min_chars(), min_chars);
        let password = &"mauve kettles drift over nine quiet lakes while owls hum old jazz"[..min_chars - 1];
        let flaws = policy.check(password, Some(&email("a@example.org")), None);
        assert_eq!(flaws, [PasswordFlaw::TooShort { min_chars }]);
    }
    let eight = PasswordPolicy::try_from(8).expect("in range");
    assert_eq!(eight.check("wet snai", Some(&email("a@example.org")), None), []);
    assert_eq!(PasswordPolicy::default().min_chars(), 15);
}

#[test]
fn a_password_of_1_024_bytes_is_accepted_and_one_of_1_025_is_not() {
    // Numbers that never repeat, in words that contain no runs.
    let long: String = (100..).map(|number| format!("w{number}m")).take(300).collect();
    assert_eq!(check(&long[..1024]), []);
    assert_eq!(check(&long[..1025]), [TooLong]);
}

#[test]
fn nul_is_refused() {
    assert_eq!(check("correct\0horse battery"), [HasNul]);
}

#[test]
fn common_passwords_are_refused_in_any_case() {
    for password in ["manchesterunited", "ManchesterUnited", "polniypizdec0211"] {
        assert_eq!(check(password), [Common], "{password}");
    }
}

#[test]
fn a_common_password_with_little_around_it_is_refused() {
    for password in ["baseball 839201", "!!Sunshine-1984", "83 sunshine 9174", "password123456789"] {
        assert_eq!(check(password), [Common], "{password}");
    }
    assert_eq!(check("83920174658 sunshine"), [Common], "12 characters around it");
    assert_eq!(check("8392017465 83 sunshine"), [Common], "14 characters around it");
    assert_eq!(check("8392017465 839 sunshine"), [], "15 characters around it");
    assert_eq!(check("sunshine over the sea"), []);
}

#[test]
fn a_repeated_common_password_is_refused_and_one_in_a_phrase_is_not() {
    for password in
        ["letmeinletmein1!", "LetMeIn letmein 2", "sunshine sunshine", "Sunshine-&-Sunshine", "letmein1234567890"]
    {
        assert!(check(password).contains(&Common), "{password}");
    }
    for password in [
        "correct horse battery staple",
        "my sunshine over the sea",
        "let me in through the garden",
        "monkey business at dawn",
        "a dragon, a monkey, a soccer ball",
        "blue sky above, blue sea below",
        "never say never again",
        "summer winter summer autumn",
        "tanzende Drachen im Sommer",
        "six geese cross the frozen lake",
        "drei blaue Würfel rollen",
    ] {
        assert_eq!(check(password), [], "{password}");
    }
}

#[test]
fn the_whole_address_is_refused_at_any_position_in_any_spelling() {
    for password in
        ["a long text with Ada.King@BÜCHER.example in it", "a long text with ada.king@xn--bcher-kva.example"]
    {
        assert_eq!(check(password), [ContainsEmail], "{password}");
    }
}

#[test]
fn little_more_than_parts_of_the_address_is_refused() {
    for password in ["ada.king1815!xy", "BücherBücher1815", "King of Bücher 1"] {
        assert_eq!(check_for(password, "ada.king@bücher.example", None), [ContainsEmail], "{password}");
    }
    assert_eq!(check_for("kingkingking#184", "ada.king@bücher.example", None), [Common, ContainsEmail]);
    let grace = |password| check_for(password, "grace_hopper@navy.example", None);
    assert_eq!(grace("grace hopper 7!x"), [ContainsEmail]);
    assert_eq!(grace("grace_hopper5824917"), [ContainsEmail], "7 characters remain");
    assert_eq!(grace("grace_hopper58249173"), [], "8 characters remain");
}

#[test]
fn short_parts_and_the_last_label_of_the_address_are_not_searched_for() {
    assert_eq!(check_for("alalalal wet owl", "al@example.org", None), [], "two characters");
    assert_eq!(check_for("bobbobbob wet x", "bob@example.org", None), [ContainsEmail], "three characters");
    assert_eq!(check_for("museum hall east", "zoe@example.museum", None), []);
}

#[test]
fn little_more_than_the_name_is_refused() {
    for password in ["adalovelace1815", "Ada Lovelace 1815!", "lovelace, ada: 19"] {
        assert_eq!(check(password), [ContainsName], "{password}");
    }
    assert_eq!(check_for("orlantha58249173", "a@example.org", Some("Orla Orlantha")), []);
    assert_eq!(check_for("orlantha!orlantha?5", "a@example.org", Some("Orla Orlantha")), [ContainsName]);
    assert_eq!(check_for("Жуковский-1783", "a@example.org", Some("жуковский")), [TOO_SHORT, ContainsName]);
    assert_eq!(check_for("wet snail", "a@example.org", Some("")), [TOO_SHORT]);
    assert_eq!(check_for("wet sn", "a@example.org", Some("Ada")), [TOO_SHORT], "short, but not the name");
}

#[test]
fn repetitions_are_refused_once() {
    for password in ["qqqqqqqqqqqqqqqq", "xkyxkyxkyxkyxky", "XkyxKyxkYxkyxky", "wet owl wet owl "] {
        assert_eq!(check(password), [Repetitive], "{password}");
    }
    let policy = PasswordPolicy::try_from(8).expect("in range");
    assert_eq!(
        policy.check("nine mice nine mice ", Some(&email("a@example.org")), None),
        [],
        "the unit alone is long enough"
    );
}

#[test]
fn runs_are_refused() {
    for password in ["qwertzuiopasdfg", "bcdefghijklmnopq", "!98765432109876", "aaaaaaaaaaaaaaaaa1", "LKJHGFDSAmnbvcxz"]
    {
        assert_eq!(check(password), [Sequential], "{password}");
    }
}

#[test]
fn the_names_of_the_service_are_refused() {
    let policy = PasswordPolicy::default().of_service(["Roster", "https://accounts.example.com"]);
    for password in ["rosterrosterroster", "Accounts.Example 2026", "https://accounts.example.com!", "roster-accounts"]
    {
        assert!(policy.check(password, None, None).contains(&ContainsService), "{password}");
    }
    assert_eq!(policy.check("the duty roster hangs by the door", None, None), []);
    assert_eq!(check("Accounts.Example 2026"), [], "this policy does not know the name of the service");
}

/// A breached password.
#[derive(Debug)]
struct Known(&'static str);

impl BreachedPasswords for Known {
    fn contains(&self, password: &Secret) -> bool {
        self.0 == password.expose()
    }
}

#[test]
fn a_breached_password_is_refused_as_it_is_typed_and_as_it_is_hashed() {
    let flaws = |known, password: &str| {
        let policy = PasswordPolicy::default().refusing_breached(Arc::new(Known(known)));
        policy.flaws(&Secret::new(password.to_owned()), None, None)
    };
    let (composed, decomposed) = ("der späte Vogel singt", "der spa\u{308}te Vogel singt");
    assert_eq!(flaws(composed, composed), [Breached]);
    assert_eq!(flaws(composed, decomposed), [Breached]);
    assert_eq!(flaws(decomposed, decomposed), [Breached]);
    assert_eq!(flaws(composed, "Der späte Vogel singt"), [], "the case counts");
    assert_eq!(flaws("12345678", "12345678"), [TOO_SHORT, Common, Sequential], "it is refused anyway");
    assert_eq!(PasswordPolicy::default().flaws(&Secret::new(composed.to_owned()), None, None), []);
}

#[test]
fn all_flaws_are_reported_at_once() {
    assert_eq!(check("\0\0"), [TOO_SHORT, HasNul, Repetitive]);
    assert_eq!(check("12345678"), [TOO_SHORT, Common, Sequential]);
    assert_eq!(
        check_for("sunshine", "sunshine@example.org", Some("Sunshine")),
        [TOO_SHORT, Common, ContainsEmail, ContainsName]
    );
}

#[test]
fn an_empty_password_is_only_too_short() {
    assert_eq!(check(""), [TOO_SHORT]);
}

#[test]
fn flaws_have_stable_codes_and_say_what_to_do() {
    let messages = [
        TOO_SHORT,
        TooLong,
        HasNul,
        Common,
        Breached,
        ContainsEmail,
        ContainsName,
        ContainsService,
        Repetitive,
        Sequential,
    ]
    .map(|flaw| (flaw.code(), flaw.to_string()));
    let codes = messages.each_ref().map(|(code, _)| *code);
    assert_eq!(
        codes,
        [
            "password_too_short",
            "password_too_long",
            "password_has_nul",
            "password_is_common",
            "password_breached",
            "password_contains_email",
            "password_contains_name",
            "password_contains_service",
            "password_is_repetitive",
            "password_is_sequential",
        ]
    );
    assert!(messages[0].1.contains("at least 15 characters"));
    assert!(messages[1].1.contains("at most 1,024 bytes"));
}

//! Generates the people who sign up, the same ones in every run: names in many scripts, international domains, long and
//! odd passwords. Some addresses are taken, and some requests are malformed.

use serde_json::{Value, json};

/// The expected result of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Accepted. Exactly one of all requests with the same mailbox succeeds.
    Accepted { mailbox: usize },
    /// Refused at once, with an error at this pointer if a single field is wrong.
    Refused { pointer: Option<&'static str> },
}

/// One request to sign up.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) body: Value,
    pub(crate) fate: Fate,
}

impl Person {
    pub(crate) fn name(&self) -> &Value {
        &self.body["name"]
    }

    /// The id that the client chose, if it did.
    pub(crate) fn chosen_id(&self) -> Option<&str> {
        self.body["id"].as_str()
    }
}

/// Generates `count` requests. One in a hundred uses an address that is taken, and one in a hundred is malformed.
pub(crate) fn people(count: usize) -> Vec<Person> {
    let mut dice = Dice(0x0527_0517_2024_1009);
    let mut people: Vec<Person> = Vec::with_capacity(count);
    for index in 0..count {
        let person = match index % 100 {
            49 => malformed(index, &mut dice),
            99 => again(&people, &mut dice).unwrap_or_else(|| newcomer(index, &mut dice)),
            _ => newcomer(index, &mut dice),
        };
        people.push(person);
    }
    people
}

fn newcomer(index: usize, dice: &mut Dice) -> Person {
    let mut body = json!({ "email": email(index, dice), "password": password(dice) });
    // The name and the id are optional.
    if dice.below(20) != 0 {
        body["name"] = name(dice).into();
    }
    if dice.below(3) == 0 {
        body["id"] = dice.uuid().into();
    }
    Person { body, fate: Fate::Accepted { mailbox: index } }
}

/// A request with the mailbox of an earlier person, half of the time in another spelling.
fn again(people: &[Person], dice: &mut Dice) -> Option<Person> {
    let earlier = people[dice.below(people.len())..].iter().find(|person| is_accepted(person))?;
    let mut body = json!({ "email": earlier.body["email"], "password": password(dice), "name": name(dice) });
    if dice.below(2) == 0 {
        body["email"] = body["email"].as_str()?.to_ascii_uppercase().into();
    }
    Some(Person { body, fate: earlier.fate.clone() })
}

fn is_accepted(person: &Person) -> bool {
    matches!(person.fate, Fate::Accepted { .. })
}

fn malformed(index: usize, dice: &mut Dice) -> Person {
    let Person { mut body, .. } = newcomer(index, dice);
    let defects: [(&'static str, Value, Option<&'static str>); 8] = [
        ("email", "no-at-sign.example.org".into(), Some("/email")),
        ("email", "two@@example.org".into(), Some("/email")),
        ("email", json!(["a@example.org"]), None),
        ("password", "too short".into(), Some("/password")),
        ("password", 123_456_789_012_345_678_u64.into(), None),
        ("name", "nul\0byte".into(), Some("/name")),
        ("id", "not-a-uuid".into(), Some("/id")),
        ("administrator", true.into(), None),
    ];
    // In turn, so that a large enough run has each of them.
    let (field, value, pointer) = &defects[(index / 100) % defects.len()];
    body[*field] = value.clone();
    Person { body, fate: Fate::Refused { pointer: *pointer } }
}

/// First parts, separators and last parts of names in fourteen scripts.
const NAMES: [(&[&str], &str, &[&str]); 14] = [
    (&["Ada", "Zoë", "José", "Łukasz", "Søren"], " ", &["Lovelace", "Núñez", "O’Neill", "Þórsdóttir", "van der Berg"]),
    (&["Αλέξανδρος", "Ελένη", "Σοφία"], " ", &["Παπαδόπουλος", "Καζαντζάκη", "Οικονόμου"]),
    (&["Анна", "Фёдор", "Їржик"], " ", &["Ахматова", "Достоевский", "Щербак"]),
    (&["محمد", "فاطمة", "ليلى"], " ", &["الخوارزمي", "الفهرية", "درويش"]),
    (&["נעמי", "דוד", "שרה"], " ", &["כהן", "בן־גוריון", "לוי"]),
    (&["प्रिया", "अर्जुन", "क्षितिज"], " ", &["शर्मा", "त्रिपाठी", "रामानुजन"]),
    (&["สมชาย", "กาญจนา", "ณัฐวุฒิ"], " ", &["ใจดี", "ศรีสุข", "วงศ์สวัสดิ์"]),
    (&["王", "李", "諸葛"], "", &["小明", "清照", "亮"]),
    (&["김", "이", "남궁"], "", &["민준", "서연", "순신"]),
    (&["さくら", "タロウ", "葉月"], "　", &["山田", "カトー", "渡邊"]),
    (&["თამარ", "შოთა"], " ", &["რუსთაველი", "ბაგრატიონი"]),
    (&["Արամ", "Անահիտ"], " ", &["Խաչատրյան", "Սարոյան"]),
    (&["ኃይለ", "ሊያ"], " ", &["ገብረሥላሴ", "ከበደ"]),
    (&["கமலா", "அழகன்"], " ", &["சுப்பிரமணியன்", "பாரதி"]),
];

fn name(dice: &mut Dice) -> String {
    let (first, space, second) = *dice.pick(&NAMES);
    // A server may normalise an ideographic space, and names here must come back unchanged.
    let space = if space == "　" { "・" } else { space };
    format!("{}{space}{}", dice.pick(first), dice.pick(second))
}

const DOMAINS: [&str; 12] = [
    "example.org",
    "mail.example.com",
    "Example.NET",
    "xn--bcher-kva.example",
    "bücher.example",
    "παράδειγμα.δοκιμή",
    "пример.испытание",
    "例え.テスト",
    "例子.测试",
    "실례.테스트",
    "उदाहरण.परीक्षा",
    "a-long-label-that-is-just-below-the-limit-of-sixty-three-octets.example",
];

fn email(index: usize, dice: &mut Dice) -> String {
    let local = match dice.below(6) {
        0 => format!("person.{index}"),
        1 => format!("Person{index}+roster"),
        2 => format!("o'neill_{index}"),
        3 => format!("{index}"),
        4 => format!("!#$%&*+/=?^_`{{|}}~-{index}"),
        _ => format!("{:a<64}", format!("longest.{index}.")),
    };
    format!("{local}@{}", dice.pick(&DOMAINS))
}

const WORDS: [&str; 24] = [
    "correct",
    "горох",
    "Möwe",
    "σκύλος",
    "ٱلسَّلَامُ",
    "שלום",
    "नमस्ते",
    "ข้าวผัด",
    "龍門客棧",
    "김치찌개",
    "おにぎり",
    "გამარჯობა",
    "բարեւ",
    "ሰላም",
    "வணக்கம்",
    "e\u{301}toile",
    "🦀🐘🐇",
    "naïve",
    "\\n\\0",
    "\"quoted\"",
    "'; --",
    "<b>",
    "  ",
    "%s{}$HOME",
];

/// A password from the shortest allowed length to nearly the longest, of many kinds of characters.
fn password(dice: &mut Dice) -> String {
    let length = match dice.below(10) {
        0 => 15,
        1..=6 => 16 + dice.below(20),
        7..=8 => 73 + dice.below(60),
        // 250 code points of four bytes each are below the limit of 1,024 bytes.
        _ => 250,
    };
    let mut password = String::new();
    while password.chars().count() < length {
        let word = if dice.below(3) == 0 { dice.letters() } else { (*dice.pick(&WORDS)).to_owned() };
        password.push_str(&word);
        password.push(*dice.pick(&[' ', '-', '.', '7']));
    }
    // Cut by code points, and end with a letter: an accent at the end would combine with the character before it.
    let mut password: String = password.chars().take(length + 2).collect();
    password.push('x');
    password
}

/// A generator of random numbers that are the same in every run (SplitMix64, Steele, Lea and Flood 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    fn letters(&mut self) -> String {
        (0..8).map(|_| char::from(33 + u8::try_from(self.below(94)).unwrap_or(0))).collect()
    }

    /// A UUID of version 4 (RFC 9562).
    fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let high = (high & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000;
        let low = (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFFF,
            low >> 48,
            low & 0xFFFF_FFFF_FFFF
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_dice_are_splitmix64() {
        let mut dice = Dice(1_234_567);
        assert_eq!([dice.next(), dice.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn every_run_has_the_same_people_with_one_in_a_hundred_taken_and_one_malformed() {
        let people = super::people(2_000);
        let bodies = |people: &[Person]| people.iter().map(|person| person.body.clone()).collect::<Vec<_>>();
        assert_eq!(bodies(&people), bodies(&super::people(2_000)));
        let refused = people.iter().filter(|person| !is_accepted(person)).count();
        let mailboxes: HashSet<usize> = people.iter().filter_map(mailbox).collect();
        assert_eq!((refused, mailboxes.len()), (20, 1_960));
    }

    #[test]
    fn mailboxes_and_ids_differ_from_person_to_person() {
        let people = super::people(2_000);
        let mut firsts = HashSet::new();
        let firsts: Vec<_> =
            people.iter().filter(|person| mailbox(person).is_some_and(|it| firsts.insert(it))).collect();
        for field in ["email", "id"] {
            let values: Vec<String> =
                firsts.iter().filter_map(|person| Some(person.body[field].as_str()?.to_lowercase())).collect();
            assert_eq!(values.iter().collect::<HashSet<_>>().len(), values.len(), "{field}");
        }
    }

    #[test]
    fn passwords_are_within_the_policy() {
        for person in super::people(2_000).iter().filter(|person| is_accepted(person)) {
            let password = person.body["password"].as_str().unwrap_or_default();
            assert!(password.chars().count() >= 15 && password.len() <= 1_024, "{password}");
        }
    }

    #[test]
    fn names_are_written_in_fourteen_scripts() {
        let names: Vec<String> =
            super::people(2_000).iter().filter_map(|person| Some(person.name().as_str()?.to_owned())).collect();
        let scripts = ["a", "α", "а", "م", "ש", "र", "ส", "小", "김", "さ", "თ", "Ա", "ሊ", "க"]
            .map(|letter| names.iter().any(|name| name.contains(letter)));
        assert!(!scripts.contains(&false), "{scripts:?}");
    }

    fn mailbox(person: &Person) -> Option<usize> {
        match person.fate {
            Fate::Accepted { mailbox } => Some(mailbox),
            Fate::Refused { .. } => None,
        }
    }
}

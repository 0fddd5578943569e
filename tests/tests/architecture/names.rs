//! Names and prose: one name has one meaning, and sentences name their actors.

use crate::source::{files, flat, name, root};
use std::collections::BTreeMap;
use std::fs;

/// Type names that may be defined more than once, each with its reason.
const DEFINED_TWICE: [(&str, &str); 0] = [];
/// Home-made names that were replaced by the field's standard terms.
const REPLACED: [&str; 8] = ["Desk", "Bay", "Floor", "Rush", "Bench", "Errand", "Kit", "Trouble"];
/// Words that hide who acts.
const HIDING: [&str; 4] = ["nobody", "somebody", "whoever", "whom"];
/// How often these words may stand in code and documents, together.
const AT_MOST: usize = 20;

/// The product's Rust files, without tests.
fn product() -> Vec<(String, String)> {
    let files = ["app", "contexts", "platform"].into_iter().flat_map(|folder| files(folder, "rs"));
    let texts = files.map(|file| (name(&file), fs::read_to_string(&file).unwrap()));
    let product: Vec<_> = texts
        .filter(|(file, _)| !file.contains("/tests/") && !file.ends_with("tests.rs"))
        .map(|(file, text)| (file, text.split("#[cfg(test)]").next().unwrap().to_owned()))
        .collect();
    assert!(product.len() > 200, "{} files are not all of them", product.len());
    product
}

/// The name of the product, which stands in `app/src/product.rs` and in the settings' prefix.
const PRODUCT: &str = "roster";
/// The test that opens an envelope of a released version needs its labels.
const KNOWS_THE_PRODUCT: [&str; 1] = ["platform/sealing/tests/sealing/main.rs"];

fn naming_the_product(texts: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let names = texts.filter(|(_, text)| text.to_lowercase().contains(PRODUCT));
    names.map(|(file, _)| file).filter(|file| !KNOWS_THE_PRODUCT.contains(&file.as_str())).collect()
}

#[test]
fn platform_crates_do_not_know_the_product() {
    let texts = || {
        let files = ["rs", "sql", "toml"].into_iter().flat_map(|extension| files("platform", extension));
        files.map(|file| (name(&file), fs::read_to_string(&file).unwrap()))
    };
    assert!(texts().count() > 150, "{} files are not all of them", texts().count());
    assert_eq!(naming_the_product(texts()), Vec::<String>::new(), "hand names in from app/src/product.rs");
    let added = std::iter::once(("platform/new.rs".to_owned(), "const REALM: &str = \"Roster\";".to_owned()));
    assert_eq!(naming_the_product(texts().chain(added)), ["platform/new.rs"], "a new place is found");
}

/// The prefix of the settings' names, which stands in `app/src/product.rs` alone.
const PREFIX: &str = "ROSTER_";

/// The file of each line of code that contains the prefix. Comments may contain it.
fn spelling_the_prefix(product: &[(String, String)]) -> Vec<&str> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let places = product.iter().flat_map(|(file, text)| {
        text.lines().filter(is_code).filter(|line| line.contains(PREFIX)).map(|_| file.as_str())
    });
    places.collect()
}

#[test]
fn the_prefix_of_settings_is_spelled_once() {
    let mut product = product();
    assert_eq!(spelling_the_prefix(&product), ["app/src/product.rs"], "write `setting!(\"LISTEN\")`");
    let text = "/// `ROSTER_LISTEN` may stay in comments.\nfn f() { set(\"try ROSTER_LISTEN\") }";
    product.push(("app/src/zz.rs".into(), text.into()));
    assert_eq!(spelling_the_prefix(&product), ["app/src/product.rs", "app/src/zz.rs"], "a second place is found");
}

/// Words of the contexts, which the platform does not use.
const OF_CONTEXTS: [&str; 8] =
    ["user", "users", "password", "passwords", "session", "sessions", "admin", "administrator"];
/// Files of the platform that use these words for something else.
const OTHER_MEANING: [(&str, &str); 5] = [
    ("platform/persistence/", "PostgreSQL has users, passwords and sessions of its own"),
    ("platform/messaging/", "RabbitMQ has users and passwords of its own"),
    ("platform/private-files/", "an operating system has users"),
    ("platform/sealing/src/keys.rs", "an operating system has users"),
    ("platform/webauthn/", "the specification verifies users, and has user handles"),
];

/// The words of a Rust file's names and texts, in lower case.
fn words_in(rust: &str) -> Vec<String> {
    let tokens = flat(rust).unwrap_or_else(|error| panic!("{error}"));
    let names = tokens.iter().map(ToString::to_string).map(|name| {
        // `UserId` → `user id`
        let spaced = name.chars().flat_map(|it| [it.is_uppercase().then_some(' '), Some(it)]);
        spaced.flatten().collect::<String>().to_lowercase()
    });
    let split = |name: String| name.split(|it: char| !it.is_alphabetic()).map(str::to_owned).collect::<Vec<_>>();
    names.flat_map(split).collect()
}

fn words_of_contexts(rust: &str) -> Vec<String> {
    words_in(rust).into_iter().filter(|word| OF_CONTEXTS.contains(&word.as_str())).collect()
}

#[test]
fn platform_crates_do_not_know_the_contexts() {
    let platform = || product().into_iter().filter(|(file, _)| file.starts_with("platform/"));
    let found: Vec<_> = platform()
        .filter(|(file, _)| !OTHER_MEANING.iter().any(|(allowed, _)| file.starts_with(allowed)))
        .map(|(file, text)| (file, words_of_contexts(&text)))
        .filter(|(_, words)| !words.is_empty())
        .collect();
    assert_eq!(found, [], "persons and what they have belong to the contexts");
    for (allowed, why) in OTHER_MEANING {
        let uses = platform().any(|(file, text)| file.starts_with(allowed) && !words_of_contexts(&text).is_empty());
        assert!(uses, "{allowed} needs no exception: {why}");
    }
    assert_eq!(words_of_contexts("fn f(id: UserId) -> &'static str { \"for administrators: admin\" }").len(), 2);
}

/// The name that a line declares after `pub` and one of the keywords.
fn declared<'a>(line: &'a str, keywords: &[&str]) -> Option<&'a str> {
    let rest = line.trim_start().strip_prefix("pub")?;
    let rest = if rest.starts_with('(') { rest.split_once(')')?.1 } else { rest };
    let mut words = rest.split_whitespace().skip_while(|word| ["const", "async", "unsafe"].contains(word));
    keywords.contains(&words.next()?).then_some(())?;
    words.next()?.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
}

const TYPES: [&str; 4] = ["struct", "enum", "trait", "type"];

fn defined_twice(product: &[(String, String)]) -> Vec<(String, Vec<String>)> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in product {
        for name in text.lines().filter_map(|line| declared(line, &TYPES)).filter(|name| !name.is_empty()) {
            places.entry(name.to_owned()).or_default().push(file.clone());
        }
    }
    assert!(places.len() > 150, "{} types are not all of them", places.len());
    places.into_iter().filter(|(_, files)| files.len() > 1).collect()
}

#[test]
fn a_type_name_is_defined_once() {
    let mut product = product();
    let twice = defined_twice(&product);
    let unexpected: Vec<_> =
        twice.iter().filter(|(name, _)| !DEFINED_TWICE.iter().any(|(allowed, _)| allowed == name)).collect();
    assert!(unexpected.is_empty(), "choose another name: {unexpected:?}");
    assert!(DEFINED_TWICE.len() <= 6 && DEFINED_TWICE.iter().all(|(name, _)| twice.iter().any(|(it, _)| it == name)));
    product.push(("app/src/new.rs".into(), "pub(crate) struct HashPool;".into()));
    assert_eq!(defined_twice(&product).len(), twice.len() + 1, "a second one is found");
}

fn replaced(product: &[(String, String)]) -> Vec<(&str, &str)> {
    let types = product.iter().flat_map(|(file, text)| {
        text.lines().filter_map(|line| declared(line, &TYPES)).map(|name| (file.as_str(), name))
    });
    types.filter(|(_, name)| REPLACED.contains(name)).collect()
}

#[test]
fn replaced_names_do_not_come_back() {
    assert_eq!(replaced(&product()), []);
    let added = [("app/src/new.rs".to_owned(), "pub(crate) enum Errand {".to_owned())];
    assert_eq!(replaced(&added), [("app/src/new.rs", "Errand")], "a replaced name is found");
}

/// Public types, traits and functions without a doc comment. Fields and variants may explain themselves.
fn undocumented(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    let is_undocumented = |index: usize| {
        let before = lines[..index].iter().rev().map(|line| line.trim_start());
        let mut before = before.skip_while(|line| !line.is_empty() && !line.starts_with("//") && !line.ends_with('}'));
        !before.next().is_some_and(|line| line.starts_with("///"))
    };
    let is_item = |line: &str| {
        line.trim_start().starts_with("pub ") && declared(line, &["struct", "enum", "trait", "fn"]).is_some()
    };
    (0..lines.len()).filter(|&n| is_item(lines[n]) && is_undocumented(n)).map(|n| lines[n].trim().to_owned()).collect()
}

#[test]
fn public_types_and_functions_have_doc_comments() {
    let missing: Vec<_> = product().into_iter().map(|(file, text)| (file, undocumented(&text))).collect();
    let missing: Vec<_> = missing.into_iter().filter(|(_, items)| !items.is_empty()).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(undocumented("/// A.\npub struct A;\n\npub struct B;\n#[must_use]\npub fn c() {}\n").len(), 2);
}

fn hiding_words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| HIDING.contains(word)).map(str::to_owned).collect()
}

#[test]
fn sentences_name_their_actors() {
    const QUOTING: [&str; 2] = ["docs/WRITING.md", "tests/tests/architecture/names.rs"];
    let texts = ["rs", "md", "toml"].into_iter().flat_map(|extension| files("", extension));
    let texts = texts.map(|file| (name(&file), fs::read_to_string(&file).unwrap()));
    let found: Vec<_> = texts
        .filter(|(file, _)| !QUOTING.contains(&file.as_str()))
        .flat_map(|(file, text)| hiding_words(&text).into_iter().map(move |word| format!("{file}: {word}")))
        .collect();
    assert!(found.len() <= AT_MOST, "{} of them, see docs/WRITING.md: {found:#?}", found.len());
    assert_eq!(hiding_words("// Whoever asks_somebody, whom nobody knows.").len(), 4);
}

#[test]
fn the_page_on_the_architecture_stays_short() {
    let lines = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap().lines().count();
    assert!(lines < 250, "{lines} lines: move what only some readers need to docs/");
}

//! The SQL of a context names only its own tables.

use crate::source::{files, name, root, texts};

/// The keywords after which SQL names a table.
const BEFORE_A_TABLE: [&str; 6] = ["from", "join", "into", "update", "table", "references"];
/// Words after such a keyword that are not tables.
const NO_TABLE: [&str; 10] = ["set", "skip", "of", "nowait", "if", "not", "exists", "only", "lateral", "select"];
/// The first words of statements.
const VERBS: [&str; 8] = ["select", "insert", "update", "delete", "with", "create", "alter", "drop"];

/// The bounded contexts: the folders with a domain crate.
fn contexts() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("contexts")).unwrap().map(|entry| entry.unwrap());
    let contexts = folders.filter(|entry| entry.path().join("domain").is_dir());
    contexts.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The platform crates that have tables: the folders with migrations.
fn keepers() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("platform")).unwrap().map(|entry| entry.unwrap());
    let keepers = folders.filter(|entry| entry.path().join("migrations").is_dir());
    keepers.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// Splits SQL into words in lower case and the characters `(`, `,` and `;`.
fn words(sql: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in sql.chars() {
        if character.is_alphanumeric() || "_.$".contains(character) {
            words.last_mut().unwrap().extend(character.to_lowercase());
        } else {
            if "(,;".contains(character) {
                words.push(character.to_string());
            }
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The tables that a statement names. In a text that is not a statement, only words with an underscore count.
fn tables(text: &str) -> Vec<String> {
    let words = words(text);
    let is_sql = words.first().is_some_and(|word| VERBS.contains(&word.as_str()));
    let word = |n: usize| words.get(n).map_or("", String::as_str);
    // `with due as (…)` names a part of the statement itself.
    let is_part = |name: &str| (0..words.len()).any(|n| word(n) == name && word(n + 1) == "as" && word(n + 2) == "(");
    let mut found = Vec::new();
    for n in 0..words.len() {
        let is_lock = word(n) == "update" && n > 0 && ["for", "do", "before", "after"].contains(&word(n - 1));
        let is_comparison = word(n) == "from" && n > 0 && word(n - 1) == "distinct";
        // `create trigger one before update on a_table`
        let is_event = word(n) == "on" && n > 1 && ["before", "after"].contains(&word(n - 2));
        if !BEFORE_A_TABLE.contains(&word(n)) && !is_event || is_lock || is_comparison {
            continue;
        }
        let mut at = n + 1;
        while NO_TABLE.contains(&word(at)) {
            at += 1;
        }
        loop {
            let table = word(at).rsplit('.').next().unwrap_or_default();
            let is_function = ["from", "join"].contains(&word(n)) && word(at + 1) == "(";
            let is_name = table.starts_with(|first: char| first.is_alphabetic() || first == '_');
            if is_name && !is_function && !is_part(table) && (is_sql || table.contains('_')) {
                found.push(table.to_owned());
            }
            // `from one, another a, a_third as b`
            at += 1;
            while word(n) == "from" && !["", "(", ",", ";", "where", "on", "join"].contains(&word(at)) {
                at += 1;
            }
            if word(n) != "from" || word(at) != "," || !is_sql {
                break;
            }
            at += 1;
        }
    }
    found
}

/// The names that a context must not use: tables without its own prefix, and any word with the prefix of another
/// context or of the platform.
fn foreign(context: &str, others: &[String], is_migration: bool, text: &str) -> Vec<String> {
    let own = format!("{context}_");
    let may = |table: &str| table.starts_with(&own) || is_migration && table == "ledger_subscriptions";
    let prefixes: Vec<_> = others.iter().filter(|it| *it != context).map(|it| format!("{it}_")).collect();
    let is_sql = words(text).first().is_some_and(|word| VERBS.contains(&word.as_str()));
    let prefixed = words(text).into_iter().filter(|word| is_sql && prefixes.iter().any(|it| word.starts_with(it)));
    tables(text).into_iter().chain(prefixed).filter(|table| !may(table)).collect()
}

#[test]
fn the_sql_of_a_context_names_only_its_own_tables() {
    let mut others = contexts();
    assert!(others.contains(&"users".to_owned()) && others.contains(&"auth".to_owned()), "{others:?}");
    let keepers = keepers();
    assert!(keepers.contains(&"ledger".to_owned()) && keepers.contains(&"web".to_owned()), "{keepers:?}");
    others.extend(keepers);
    for context in contexts() {
        let folder = format!("contexts/{context}");
        let mut named = Vec::new();
        let rust = files(&folder, "rs")
            .into_iter()
            .flat_map(|file| texts(&file).into_iter().map(move |it| (file.clone(), it)));
        let sql = files(&folder, "sql").into_iter().flat_map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            text.split(';').map(|statement| (file.clone(), statement.to_owned())).collect::<Vec<_>>()
        });
        for (file, text) in rust.chain(sql) {
            let is_migration = file.extension().is_some_and(|it| it == "sql");
            let foreign = foreign(&context, &others, is_migration, &text);
            assert!(foreign.is_empty(), "{} names {foreign:?}: {text}", name(&file));
            named.extend(tables(&text));
        }
        let own = format!("{context}_");
        assert!(named.iter().filter(|table| table.starts_with(&own)).count() >= 4, "{context} has SQL: {named:?}");
    }
}

#[test]
fn the_platform_names_no_table_of_a_context_and_each_of_its_crates_only_its_own() {
    let (contexts, keepers) = (contexts(), keepers());
    let (mut seen, rust) = (0, files("platform", "rs"));
    for file in rust.iter().filter(|file| !name(file).contains("/tests/")) {
        let others = keepers.iter().filter(|it| !name(file).starts_with(&format!("platform/{it}/")));
        let prefixes: Vec<_> = contexts.iter().map(|it| format!("{it}_")).collect();
        let elsewhere: Vec<_> = others.map(|it| format!("{it}_")).collect();
        for text in texts(file) {
            let mut named = words(&text);
            // `auth_mechanism` is a parameter of AMQP URLs.
            named.retain(|word| prefixes.iter().any(|it| word.starts_with(it)) && word != "auth_mechanism");
            let tables = tables(&text);
            named.extend(tables.iter().filter(|it| elsewhere.iter().any(|prefix| it.starts_with(prefix))).cloned());
            assert!(named.is_empty(), "{} names {named:?}", name(file));
            seen += tables.len();
        }
    }
    for file in files("platform", "sql") {
        let named = tables(&std::fs::read_to_string(&file).unwrap());
        let own = name(&file).split('/').nth(1).map(|keeper| format!("{keeper}_")).unwrap();
        assert!(named.iter().all(|table| table.starts_with(&own)), "{}: {named:?}", name(&file));
        seen += named.len();
    }
    assert!(seen > 20, "the platform has SQL");
}

#[test]
fn tables_are_found_wherever_sql_names_them() {
    for (sql, named) in [
        ("select name from users_users where id = $1", &["users_users"][..]),
        (
            "SELECT 1 FROM \"Users_Users\" u JOIN public.auth_credentials USING (id)",
            &["users_users", "auth_credentials"],
        ),
        (
            "select 1 from users_users u, auth_credentials as c, auth_identifiers where 1 = 1",
            &["users_users", "auth_credentials", "auth_identifiers"],
        ),
        ("insert into users_users (id) values ($1) on conflict do update set id = 1", &["users_users"]),
        ("update auth_credentials set hash = $1", &["auth_credentials"]),
        ("delete from auth_credentials where id in (select id from users_users)", &["auth_credentials", "users_users"]),
        ("select 1 from users_users where a is distinct from b for update skip locked", &["users_users"]),
        ("with due as (select id from ledger_messages) select 1 from due", &["ledger_messages"]),
        ("select value from json_each($1)", &[]),
        (
            "create table if not exists users_users (id uuid references auth_credentials (id))",
            &["users_users", "auth_credentials"],
        ),
        ("alter table users_users add a text", &["users_users"]),
        ("create trigger kept before update on users_users for each row execute function f()", &["users_users"]),
        ("select 1 from accounts", &["accounts"]),
        ("restore it from a backup", &[]),
        ("join auth_credentials on true", &["auth_credentials"]),
    ] {
        assert_eq!(tables(sql), named, "{sql}");
    }
}

#[test]
fn a_foreign_table_is_recognised() {
    let others = ["users", "auth", "ledger"].map(str::to_owned);
    let foreign = |sql: &str| !foreign("users", &others, false, sql).is_empty();
    assert!(foreign("select hash from auth_credentials"));
    assert!(foreign("select u.id from users_users u join auth_identifiers i on i.user_id = u.id"));
    assert!(foreign("update ledger_messages set status = 'succeeded'"));
    assert!(foreign("select 1 from accounts"));
    assert!(foreign("select auth_credentials.hash"));
    assert!(!foreign("select email from users_users"));
    let subscribe = "insert into ledger_subscriptions (event) values ('users.user_registered.v1')";
    assert!(super::tables::foreign("auth", &others, true, subscribe).is_empty());
    assert!(!super::tables::foreign("auth", &others, false, subscribe).is_empty());
}

use super::{Profile, RawSettings, Settings};
use std::time::Duration;

fn settings(file: &str, environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), Ok((*value).to_owned())));
    Settings::of(RawSettings::from_sources(file, environment)).map_err(|why| why.0)
}

/// The only line of the error.
fn refusal_in(file: &str, environment: &[(&str, &str)]) -> String {
    let lines = settings(file, environment).err().expect("it is refused");
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.concat()
}

fn refusal(environment: &[(&str, &str)]) -> String {
    refusal_in("", environment)
}

#[test]
fn without_any_setting_everything_has_a_default() {
    let it = settings("", &[("PATH", "/bin")]).expect("defaults");
    assert_eq!(it.database.to_string(), "sqlite://data/roster.db");
    assert_eq!(it.listen.to_string(), "127.0.0.1:8000");
    assert_eq!((it.service.bcrypt_cost.log2(), it.service.limits, it.service.docs), (12, true, true));
    let postgres = settings("", &[("DATABASE_URL", "postgres://localhost/r"), ("ROSTER_DB_CONNECTIONS", "5")]);
    assert_eq!(postgres.expect("well formed").database.connections().map(persistence::Connections::all), Some(5));
    assert_eq!((it.service.max_delay, it.profile), (Duration::from_secs(3_600), Profile::Development));
    assert_eq!((it.idle_timeout, it.shutdown_delay), (Duration::from_secs(75), Duration::ZERO));
    assert_eq!((it.service.connections_per_address, it.service.public_url), (2_000, None));
}

#[test]
fn origins_of_pages_come_from_the_environment_or_the_file() {
    let origins = |it: Settings| it.service.cors.iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(settings("", &[]).map(origins).expect("none").is_empty());
    let file = "cors_origins = \"https://app.example.org, http://localhost:3000\"";
    let expected = ["https://app.example.org", "http://localhost:3000"];
    assert_eq!(settings(file, &[]).map(origins).expect("two"), expected);
    let given = [("ROSTER_CORS_ORIGINS", "https://other.example")];
    assert_eq!(settings(file, &given).map(origins).expect("one"), ["https://other.example"]);
}

#[test]
fn the_environment_comes_before_the_file() {
    let file = "listen = \"127.0.0.1:1\"\nbcrypt_cost = 10\nlimits = false";
    let it = settings(file, &[("ROSTER_LISTEN", "127.0.0.1:2"), ("ROSTER_DATA_DIR", "")]).expect("well formed");
    assert_eq!((it.listen.port(), it.service.bcrypt_cost.log2(), it.service.limits), (2, 10, false));
}

#[test]
fn an_unknown_setting_names_the_one_that_it_may_have_meant() {
    for (name, meant) in [
        ("ROSTER_LISTNE", "ROSTER_LISTEN"),
        ("ROSTER_LISTENER", "ROSTER_LISTEN"),
        ("ROSTER_PORT", "ROSTER_LISTEN"),
        ("ROSTER_HOST", "ROSTER_LISTEN"),
        ("ROSTER_DATABASE_URL", "DATABASE_URL"),
        ("ROSTER_DATABSE_URL", "DATABASE_URL"),
        ("ROSTER_ADMIN_PASSWRD_FILE", "ROSTER_ADMIN_PASSWORD_FILE"),
        ("ROSTER_DOC", "ROSTER_DOCS"),
        ("ROSTER_CORS_ORIGIN", "ROSTER_CORS_ORIGINS"),
        ("ROSTER_CORS", "ROSTER_CORS_ORIGINS"),
    ] {
        assert_eq!(refusal(&[(name, "9000")]), format!("unknown setting {name} (did you mean {meant}?)"));
    }
    for (key, meant) in [
        ("listn", "listen"),
        ("roster_listn", "listen"),
        ("Port", "listen"),
        ("databse_url", "database_url"),
        ("bcrypt-cost", "bcrypt_cost"),
        ("amqp_ulr", "amqp_url"),
        ("admin_password_fil", "admin_password_file"),
    ] {
        let line = refusal_in(&format!("{key} = 9"), &[]);
        assert_eq!(line, format!("roster.toml: unknown setting {key} (did you mean {meant}?)"));
    }
}

#[test]
fn a_name_unlike_any_setting_has_no_suggestion() {
    for name in ["ROSTER_TELEMETRY", "ROSTER_PASSWORD", "ROSTER_X", "ROSTER_", "ROSTER_SMTP", "ROSTER_PORT_OF_CALL"] {
        assert_eq!(refusal(&[(name, "x")]), format!("unknown setting {name}"));
    }
    assert_eq!(refusal_in("telemetry = \"*\"", &[]), "roster.toml: unknown setting telemetry");
}

#[test]
fn variables_that_kubernetes_injects_are_ignored_and_others_are_not() {
    let injected = [("ROSTER_SERVICE_HOST", "10.0.0.1"), ("ROSTER_PORT", "tcp://10.0.0.1:80")];
    assert!(settings("", &injected).is_ok());
    assert!(refusal(&[("ROSTER_SERVICE_HOST", "db.example")]).starts_with("unknown setting ROSTER_SERVICE_HOST"));
    assert!(refusal(&[("ROSTER_PORT", "9000")]).contains("ROSTER_LISTEN"));
}

#[test]
fn all_problems_are_reported_at_once() {
    let file = "listen = \"canary\"\ndocs = [1]\nbcrypt_cost = 9\nlistn = 1\n";
    let given = [
        ("ROSTER_LISTNE", "canary"),
        ("ROSTER_MAX_DELAY", "canary"),
        ("DATABASE_URL_FILE", "/nowhere/canary"),
        ("AMQP_URL", "amqp://localhost"),
        ("ROSTER_PROFILE", "production"),
        ("ROSTER_LIMITS", "off"),
        ("ROSTER_ADMIN_EMAIL", "ada@example.org"),
    ];
    let lines = settings(file, &given).err().expect("refused");
    let starts = [
        "DATABASE_URL_FILE names a file that cannot be read",
        "ROSTER_ADMIN_EMAIL needs ",
        "ROSTER_LIMITS=off ",
        "ROSTER_MAX_DELAY must be ",
        "roster.toml: bcrypt_cost must be ",
        "roster.toml: docs must be ",
        "roster.toml: listen must be ",
        "roster.toml: unknown setting listn (did you mean listen?)",
        "unknown setting ROSTER_LISTNE (did you mean ROSTER_LISTEN?)",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:?}");
    for start in starts {
        assert_eq!(lines.iter().filter(|line| line.starts_with(start)).count(), 1, "{start}: {lines:?}");
    }
    assert!(lines.iter().all(|line| !line.contains("canary") && !line.contains('\n')), "{lines:?}");
}

#[test]
fn a_malformed_setting_is_not_compared_with_others() {
    let line = refusal(&[("AMQP_URL", "amqp://localhost"), ("DATABASE_URL", "mysql://x")]);
    assert!(line.starts_with("DATABASE_URL must be"), "{line}");
}

#[test]
fn a_setting_given_twice_in_one_place_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "postgres://u:p@localhost/roster").expect("written");
    let path = file.path().to_str().expect("UTF-8");
    let line = refusal(&[("DATABASE_URL", "sqlite://x.db"), ("DATABASE_URL_FILE", path)]);
    assert_eq!(line, "DATABASE_URL and the content of DATABASE_URL_FILE are the same setting: remove one of them");
    let line = refusal_in("docs = \"on\"\nroster_docs = \"off\"", &[]);
    for named in ["roster.toml: docs", "roster.toml: roster_docs", "are the same setting"] {
        assert!(line.contains(named), "{line}");
    }
    assert!(settings("docs = \"on\"", &[("ROSTER_DOCS", "off")]).is_ok_and(|it| !it.service.docs));
}

#[test]
fn white_space_around_a_value_is_stripped() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    std::fs::write(file.path(), "\u{feff}postgres://u:p@localhost/roster\r\n").expect("written");
    let given = [
        ("ROSTER_LISTEN", " 127.0.0.1:1\r\n"),
        ("ROSTER_DOCS", "\u{feff}off\u{a0}"),
        ("ROSTER_LIMITS", " \t\r\n"),
        ("DATABASE_URL_FILE", &format!(" {path}\n")),
        ("ROSTER_ADMIN_EMAIL", " ada@example.org\n"),
        ("ROSTER_ADMIN_PASSWORD", "\u{feff}drei blaue Würfel rollen\r\n"),
    ];
    let it = settings("\u{feff}audience = \" a \\n\"\r\nissuer = \"b\\r\\n\"\r\n", &given).expect("clean");
    assert_eq!((it.listen.port(), it.service.docs, it.service.limits), (1, false, true));
    assert_eq!((&*it.service.tokens.audience, &*it.service.tokens.issuer), ("a", "b"));
    assert_eq!(it.database.to_string(), "postgres://localhost:5432/roster");
    let who = it.first_administrator.expect("given");
    assert_eq!((who.email.as_str(), who.password.expose()), ("ada@example.org", "drei blaue Würfel rollen"));
}

#[test]
fn white_space_around_a_password_is_refused() {
    for password in [" drei blaue Würfel rollen", "drei blaue Würfel rollen\u{a0}\r\n"] {
        let line = refusal(&[("ROSTER_ADMIN_EMAIL", "ada@example.org"), ("ROSTER_ADMIN_PASSWORD", password)]);
        assert!(line.starts_with("ROSTER_ADMIN_PASSWORD begins or ends with white space"), "{line}");
    }
}

#[test]
fn an_invisible_character_is_shown_unless_the_setting_is_a_secret() {
    for (value, code, after) in [
        ("127.0.0.1\u{200b}:8000", "U+200B", 9),
        ("127\n0", "U+000A", 3),
        ("127.0.0.1\u{a0}:8000", "U+00A0", 9),
        ("\u{202e}0008:1.0.0.721", "U+202E", 0),
        ("127.0.0.1\u{1b}[2J:8000", "U+001B", 9),
        ("127.0.0.1\u{2800}", "U+2800", 9),
    ] {
        let says = format!("has an invisible character, {code}, after its first {after} characters: remove it");
        assert_eq!(refusal(&[("ROSTER_LISTEN", value)]), format!("ROSTER_LISTEN {says}"));
        let quoted = format!("listen = \"\"\"{}\"\"\"", value.replace('\u{1b}', "\\u001b"));
        assert_eq!(refusal_in(&quoted, &[]), format!("roster.toml: listen {says}"));
    }
    let says = "has an invisible character inside: type it again";
    assert_eq!(refusal(&[("DATABASE_URL", "postgres://u:can\u{200b}ary@h/d")]), format!("DATABASE_URL {says}"));
    assert_eq!(refusal(&[("AMQP_URL", "amqp://u:can\u{a0}ary@h/")]), format!("AMQP_URL {says}"));
    let with = |password| refusal(&[("ROSTER_ADMIN_EMAIL", "a@example.org"), ("ROSTER_ADMIN_PASSWORD", password)]);
    assert!(with("a second\nline of the canary").ends_with(says));
    let emoji =
        [("ROSTER_ADMIN_EMAIL", "a@example.org"), ("ROSTER_ADMIN_PASSWORD", "eine 👩\u{200d}🚀\u{a0}fliegt zum Mond")];
    assert!(settings("", &emoji).is_ok(), "what can be typed at a sign-in");
}

#[test]
fn a_setting_without_a_choice_accepts_only_its_one_value() {
    for (name, value) in super::WITHOUT_CHOICE {
        assert!(settings("", &[(name, value)]).is_ok(), "{name}={value}");
        assert_eq!(refusal(&[(name, "canary")]), format!("{name} must be one of: {value}"));
    }
}

#[test]
fn a_malformed_setting_is_reported_without_its_value() {
    for (name, value) in [
        ("DATABASE_URL", "mysql://canary"),
        ("DATABASE_URL", "sqlite::memory:canary"),
        ("ROSTER_LISTEN", "canary"),
        ("ROSTER_KEYS_FILE", "{\"private\": \"canary\"}"),
        ("ROSTER_PROFILE", "canary"),
        ("ROSTER_BCRYPT_COST", "9canary"),
        ("ROSTER_BCRYPT_COST", "31"),
        ("ROSTER_LIMITS", "canary"),
        ("ROSTER_TRUSTED_PROXIES", "canary"),
        ("ROSTER_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("ROSTER_TRUSTED_PROXIES", "10.0.0.1,,10.0.0.2"),
        ("ROSTER_DB_CONNECTIONS", "4"),
        ("ROSTER_DB_CONNECTIONS", "1001"),
        ("ROSTER_DB_CONNECTIONS", "canary"),
        ("ROSTER_MAX_DELAY", "1canary"),
        ("ROSTER_MAX_DELAY", "0s"),
        ("ROSTER_REFRESH_GRACE", "61s"),
        ("ROSTER_REFRESH_GRACE", "2m"),
        ("ROSTER_REFRESH_GRACE", "-1s"),
        ("ROSTER_REFRESH_GRACE", "10"),
        ("ROSTER_CORS_ORIGINS", "https://app.example.org, canary"),
        ("ROSTER_CORS_ORIGINS", "https://*.canary.example"),
        ("ROSTER_CORS_ORIGINS", "null"),
        ("ROSTER_MAX_DELAY", ""),
        ("ROSTER_MAX_DELAY", "1é"),
    ] {
        if value.is_empty() {
            continue;
        }
        let line = refusal(&[(name, value)]);
        assert!(line.starts_with(name) && !line.contains("canary") && !line.contains('\n'), "{line}");
    }
}

#[test]
fn a_secret_may_be_in_a_file_of_its_own() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "postgres://u:p@localhost/roster\n").expect("written");
    let path = file.path().to_str().expect("UTF-8");
    let it = settings("", &[("DATABASE_URL_FILE", path)]).expect("read");
    assert_eq!(it.database.to_string(), "postgres://localhost:5432/roster", "and its password is not shown");
    assert!(refusal(&[("AMQP_URL_FILE", "/does/not/exist")]).starts_with("AMQP_URL_FILE names a file"));
}

#[test]
fn only_the_data_directory_is_created_for_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |path: &str| format!("sqlite://{}/{path}", folder.path().display());
    let line = refusal(&[("DATABASE_URL", &at("typo/roster.db"))]);
    assert!(
        line.starts_with("DATABASE_URL names a file in ") && line.contains("typo, which is no directory"),
        "{line}"
    );
    std::fs::write(folder.path().join("file"), "").expect("written");
    assert!(refusal(&[("DATABASE_URL", &at("file/roster.db"))]).contains("is no directory"));
    let data_dir = folder.path().join("./new/data").display().to_string();
    for good in ["roster.db", "new/data/roster.db", "new/./data/other.db"] {
        let it = settings("", &[("DATABASE_URL", &at(good)), ("ROSTER_DATA_DIR", &data_dir)]);
        let it = it.unwrap_or_else(|lines| panic!("{good}: {lines:?}"));
        assert!(it.makes_a_file() && it.makes_a_file_elsewhere() == (good == "roster.db"), "{good}");
    }
    assert!(
        refusal(&[("DATABASE_URL", &at("new/data/x/r.db")), ("ROSTER_DATA_DIR", &data_dir)])
            .contains("is no directory")
    );
    assert!(settings("", &[("DATABASE_URL", "sqlite://roster.db")]).is_ok(), "the working directory");
}

#[test]
fn a_password_that_the_policy_refuses_is_refused_with_its_reasons() {
    for (password, why) in [
        ("short", "must be at least 15 characters long"),
        ("ada@example.org 1", "must not be made of your email address"),
        ("Accounts.Example 2026", "must not be made of the name of this service"),
        ("letmeinletmein1!", "most used passwords"),
    ] {
        let given = [
            ("ROSTER_ADMIN_EMAIL", "ada@example.org"),
            ("ROSTER_ADMIN_PASSWORD", password),
            ("ROSTER_ISSUER", "https://accounts.example"),
        ];
        let line = refusal(&given);
        assert!(line.starts_with("ROSTER_ADMIN_PASSWORD ") && line.contains(why) && !line.contains(password), "{line}");
    }
}

#[test]
fn a_url_with_an_unencoded_delimiter_in_its_password_is_not_quoted() {
    for (name, url) in [
        ("DATABASE_URL", "postgres://odd:p@ss/w#rd@host/db"),
        ("DATABASE_URL", "postgres://odd:pa/ss@host/db"),
        ("DATABASE_URL", "postgres://odd:pa#ss@host/db"),
        ("DATABASE_URL", "postgres://odd:%ff@host/db"),
        ("AMQP_URL", "amqp://odd:p@ss/w#rd@host/%2f"),
        ("AMQP_URL", "amqp://odd:pa?ss@host/%2f"),
    ] {
        let mut given = vec![(name, url)];
        if name == "AMQP_URL" {
            given.push(("DATABASE_URL", "postgres://u:p@localhost/r"));
        }
        let line = refusal(&given);
        assert!(line.starts_with(name) && line.contains("%40"), "{line}");
        let shown = line.replace("USER:PASSWORD@HOST:PORT/DATABASE", "").replace("user:password@host:5672/vhost", "");
        assert!(
            !["odd", "ss", "rd@", "host"].iter().any(|part| shown.replace("password", "").contains(part)),
            "{line}"
        );
    }
}

#[test]
fn sqlite_takes_no_broker() {
    assert!(refusal(&[("AMQP_URL", "amqp://localhost")]).contains("set DATABASE_URL=postgres://"));
}

#[test]
fn production_refuses_settings_that_development_accepts() {
    let production = |more: &[(&str, &str)]| {
        let mut all = vec![("ROSTER_PROFILE", "production")];
        all.extend_from_slice(more);
        settings("", &all).err().map(|lines| lines.join("\n"))
    };
    assert_eq!(production(&[]), None);
    let network = ("DATABASE_URL", "postgres://u:p@db.example/roster?sslmode=verify-full");
    assert_eq!(production(&[network]), None);
    assert_eq!(production(&[("ROSTER_LISTEN", "0.0.0.0:8000"), ("ROSTER_TRUSTED_PROXIES", "10.0.0.1")]), None);
    assert_eq!(production(&[("DATABASE_URL", "postgres://u:p@127.0.0.1/roster")]), None, "it crosses no network");
    for (more, word) in [
        (vec![("ROSTER_LIMITS", "off")], "ROSTER_LIMITS"),
        (vec![("ROSTER_LISTEN", "0.0.0.0:8000")], "ROSTER_TRUSTED_PROXIES"),
        (vec![("ROSTER_CORS_ORIGINS", "https://app.example.org,http://app.example.org:8080")], "https"),
        (vec![("ROSTER_CORS_ORIGINS", "http://localhost.example")], "https"),
        (vec![("DATABASE_URL", "postgres://u:p@db.example/roster")], "sslmode"),
        (vec![("DATABASE_URL", "postgres://u:p@127.0.0.1.example/roster")], "sslmode"),
        (vec![("DATABASE_URL", "postgres://u:p@db.example/roster?sslmode=require&sslmode=disable")], "sslmode"),
        (vec![("DATABASE_URL", "postgres://u:sslmode=require@db.example/roster")], "sslmode"),
        (vec![network, ("AMQP_URL", "amqp://u:p@mq.example")], "amqps"),
        (vec![network, ("AMQP_URL", "amqps://guest:guest@mq.example")], "guest"),
        (vec![network, ("AMQP_URL", "amqps://mq.example:5671/%2f")], "guest"),
        (vec![network, ("AMQP_URL", "amqps://guest@mq.example")], "guest"),
        (vec![network, ("AMQP_URL", "amqps://:guest@mq.example")], "guest"),
        (vec![network, ("AMQP_URL", "amqps://guest:@mq.example")], "guest"),
        (vec![network, ("AMQP_URL", "amqps://%67uest:guest@mq.example")], "guest"),
        (vec![network, ("AMQP_URL", "amqps://roster@mq.example")], "default password"),
        (vec![network, ("AMQP_URL", "amqps://roster:roster@mq.example")], "default password"),
        (vec![network, ("AMQP_URL", "amqps://odd:ODD@mq.example")], "default password"),
        (vec![network, ("AMQP_URL", "amqps://u:p@mq.example?auth_mechanism=anonymous")], "auth_mechanism"),
        (vec![network, ("AMQP_URL", "amqp://u:p@localhost%2eexample")], "amqps"),
        (vec![network, ("AMQP_URL", "amqp://u:p@[fd00::1]")], "amqps"),
        (vec![("DATABASE_URL", "postgres://postgres:postgres@db.example/r?sslmode=require")], "default password"),
        (vec![("DATABASE_URL", "postgres://roster:roster@db.example/r?sslmode=require")], "default password"),
        (vec![("DATABASE_URL", "postgres://db.example/r?sslmode=require&user=odd&password=odd")], "default password"),
        (vec![("DATABASE_URL", "postgres://odd:%6fdd@db.example/r?sslmode=require")], "default password"),
        (vec![("DATABASE_URL", "postgres://odd:good@db.example/r?sslmode=require&password=guest")], "default password"),
        (vec![("DATABASE_URL", "postgres://odd@db.example/r?sslmode=require")], "without a password"),
        (vec![("DATABASE_URL", "postgres://odd:@db.example/r?sslmode=require")], "without a password"),
        (vec![("DATABASE_URL", "postgres://u:p@127.0.0.1/r?host=db.example")], "sslmode"),
        (vec![("DATABASE_URL", "postgres://u:p@127.0.0.1/r?hostaddr=192.0.2.1")], "sslmode"),
    ] {
        let line = production(&more).unwrap_or_else(|| panic!("{more:?} is refused"));
        assert!(line.contains(word) && line.lines().count() == 1, "{more:?}: {line}");
    }
    for more in [
        vec![("DATABASE_URL", "postgres://roster:roster@LOCALHOST/r"), ("AMQP_URL", "amqp://guest:guest@[::1]")],
        vec![("DATABASE_URL", "postgres://u:p@[::ffff:127.0.0.1]/r")],
        vec![(
            "ROSTER_CORS_ORIGINS",
            "https://app.example.org, http://localhost:3000, http://127.0.0.1, http://[::1]:8080",
        )],
        vec![("DATABASE_URL", "postgres://u@db.example/r?host=/run/postgresql")],
        vec![("DATABASE_URL", "postgres://u@%2Frun%2Fpostgresql/r")],
        vec![("DATABASE_URL", "postgres://u@db.example/r?sslmode=verify-full&sslcert=/c.pem&sslkey=/k.pem")],
        vec![network, ("AMQP_URL", "AMQPS://u:p@mq.example")],
        vec![network, ("AMQP_URL", "amqps://guest:a-good-one@mq.example")],
        vec![network, ("AMQP_URL", "amqps://mq.example?auth_mechanism=external")],
    ] {
        assert_eq!(production(&more), None, "{more:?}");
    }
}

#[test]
fn production_sends_mail_only_with_tls_a_public_url_and_safe_links() {
    use mail_infrastructure::MailServer;
    let from = ("ROSTER_MAIL_FROM", "Example <accounts@example.org>");
    let url = ("ROSTER_PUBLIC_URL", "https://accounts.example.org");
    let (profile, server) = (("ROSTER_PROFILE", "production"), ("ROSTER_MAIL", "smtp://mail.example.org"));
    for (given, word) in [
        (vec![profile, ("ROSTER_MAIL", "mailbox")], "for development"),
        (vec![profile, server, from], "ROSTER_PUBLIC_URL"),
        (vec![server], "ROSTER_MAIL_FROM"),
        (vec![profile, server, from, url, ("ROSTER_LINK_RESET", "http://app.example/{token}")], "https"),
    ] {
        let line = refusal(&given);
        assert!(line.contains(word) && line.lines().count() == 1, "{given:?}: {line}");
    }
    let requires_tls = |given: &[(&str, &str)]| match settings("", given).expect("well formed").service.mail.server {
        MailServer::Smtp { requires_tls, .. } => Some(requires_tls),
        MailServer::Off | MailServer::Mailbox => None,
    };
    assert_eq!(requires_tls(&[profile, server, from, url]), Some(true));
    assert_eq!(requires_tls(&[profile, ("ROSTER_MAIL", "smtp://localhost:25"), from, url]), Some(false));
    assert_eq!(requires_tls(&[server, from]), Some(false), "development takes a server in a container");
    assert_eq!(requires_tls(&[("ROSTER_MAIL", "smtp://u:p@mail.example.org"), from]), Some(true));
    assert_eq!((requires_tls(&[]), requires_tls(&[profile])), (None, None));
    let base = |given: &[(&str, &str)]| settings("", given).expect("well formed").service.mail.links.base;
    assert_eq!(base(&[]), "http://127.0.0.1:8000");
    assert_eq!(base(&[("ROSTER_LISTEN", "0.0.0.0:9000")]), "http://localhost:9000");
    assert_eq!(base(&[url]), "https://accounts.example.org");
}

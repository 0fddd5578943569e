use super::{Invalid, Profile, Raw, Settings};
use std::time::Duration;

fn settings(file: &str, environment: &[(&str, &str)]) -> Result<Settings, Invalid> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), Ok((*value).to_owned())));
    Settings::of(&Raw::of(file, environment)?)
}

fn refusal(environment: &[(&str, &str)]) -> String {
    settings("", environment).err().map(|why| why.0).expect("it is refused")
}

#[test]
fn without_any_setting_everything_has_a_default() {
    let it = settings("", &[("PATH", "/bin")]).expect("defaults");
    assert_eq!(it.database.to_string(), "sqlite://data/roster.db");
    assert_eq!(it.listen.to_string(), "127.0.0.1:8000");
    assert_eq!((it.bcrypt_cost.log2(), it.limits, it.docs), (12, true, true));
    let postgres = settings("", &[("DATABASE_URL", "postgres://localhost/r"), ("ROSTER_DB_CONNECTIONS", "5")]);
    assert_eq!(postgres.expect("well formed").database.connections().map(persistence::Connections::all), Some(5));
    assert_eq!((it.max_delay, it.profile), (Duration::from_secs(3_600), Profile::Development));
}

#[test]
fn the_environment_comes_before_the_file() {
    let file = "listen = \"127.0.0.1:1\"\nbcrypt_cost = 10\nlimits = false";
    let it = settings(file, &[("ROSTER_LISTEN", "127.0.0.1:2"), ("ROSTER_DATA_DIR", "")]).expect("well formed");
    assert_eq!((it.listen.port(), it.bcrypt_cost.log2(), it.limits), (2, 10, false));
}

#[test]
fn an_unknown_setting_names_the_nearest_known_one() {
    assert_eq!(refusal(&[("ROSTER_LISTNE", "x")]), "unknown setting ROSTER_LISTNE (did you mean ROSTER_LISTEN?)");
    let in_file = settings("databse_url = \"x\"", &[]).err().expect("refused").0;
    assert!(in_file.starts_with("roster.toml: unknown setting ROSTER_DATABSE_URL (did you mean "), "{in_file}");
}

#[test]
fn what_kubernetes_injects_is_ignored() {
    let injected = [
        ("ROSTER_SERVICE_HOST", "10.0.0.1"),
        ("ROSTER_SERVICE_PORT", "80"),
        ("ROSTER_SERVICE_PORT_HTTP", "80"),
        ("ROSTER_PORT", "tcp://10.0.0.1:80"),
        ("ROSTER_PORT_80_TCP_ADDR", "10.0.0.1"),
    ];
    assert!(settings("", &injected).is_ok());
    assert!(refusal(&[("ROSTER_PORT_OF_CALL", "x")]).starts_with("unknown setting"));
}

#[test]
fn a_setting_whose_feature_does_not_exist_yet_is_refused_by_name() {
    assert_eq!(refusal(&[("ROSTER_PUBLIC_URL", "x")]), "ROSTER_PUBLIC_URL is not yet supported: unset it");
    assert!(refusal(&[("ROSTER_REGISTRATION", "verified")]).starts_with("ROSTER_REGISTRATION: only \"open\""));
    assert!(settings("", &[("ROSTER_REGISTRATION", "open"), ("ROSTER_MAIL", "off")]).is_ok());
}

#[test]
fn a_malformed_setting_is_told_by_name_without_its_value() {
    for (name, value) in [
        ("DATABASE_URL", "mysql://canary"),
        ("DATABASE_URL", "sqlite::memory:canary"),
        ("ROSTER_LISTEN", "canary"),
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
fn a_secret_may_stand_in_a_file_of_its_own() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "postgres://u:p@localhost/roster\n").expect("written");
    let path = file.path().to_str().expect("UTF-8");
    let it = settings("", &[("DATABASE_URL_FILE", path)]).expect("read");
    assert_eq!(it.database.to_string(), "postgres://localhost:5432/roster", "and its password is not shown");
    assert!(refusal(&[("AMQP_URL_FILE", "/does/not/exist")]).starts_with("AMQP_URL_FILE names a file"));
}

#[test]
fn sqlite_serves_one_process_so_it_takes_no_broker() {
    assert!(refusal(&[("AMQP_URL", "amqp://localhost")]).contains("set DATABASE_URL=postgres://"));
}

#[test]
fn production_refuses_what_development_forgives() {
    let production = |more: &[(&str, &str)]| {
        let mut all = vec![("ROSTER_PROFILE", "production")];
        all.extend_from_slice(more);
        settings("", &all).err().map(|why| why.0)
    };
    assert_eq!(production(&[]), None);
    let network = ("DATABASE_URL", "postgres://u:p@db.example/roster?sslmode=verify-full");
    assert_eq!(production(&[network]), None);
    assert_eq!(production(&[("ROSTER_LISTEN", "0.0.0.0:8000"), ("ROSTER_TRUSTED_PROXIES", "10.0.0.1")]), None);
    assert_eq!(production(&[("DATABASE_URL", "postgres://u:p@127.0.0.1/roster")]), None, "it crosses no network");
    for (more, word) in [
        (vec![("ROSTER_LIMITS", "off")], "ROSTER_LIMITS"),
        (vec![("ROSTER_LISTEN", "0.0.0.0:8000")], "ROSTER_TRUSTED_PROXIES"),
        (vec![("DATABASE_URL", "postgres://u:p@db.example/roster")], "sslmode"),
        (vec![("DATABASE_URL", "postgres://u:p@127.0.0.1.example/roster")], "sslmode"),
        (vec![("DATABASE_URL", "postgres://u:p@db.example/roster?sslmode=require&sslmode=disable")], "sslmode"),
        (vec![("DATABASE_URL", "postgres://u:sslmode=require@db.example/roster")], "sslmode"),
        (vec![network, ("AMQP_URL", "amqp://u:p@mq.example")], "amqps"),
        (vec![network, ("AMQP_URL", "amqps://guest:guest@mq.example")], "guest"),
        (vec![network, ("AMQP_URL", "amqps://mq.example:5671/%2f")], "guest"),
    ] {
        let line = production(&more).expect("refused");
        assert!(line.contains(word), "{line}");
    }
}

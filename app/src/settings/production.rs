//! What the production profile refuses, judged by what the libraries have read of the settings.

use super::{SettingProblem, Settings};
use messaging::Address;
use private_files::{Exposure, REMEDY, exposure};
use std::net::IpAddr;

/// Passwords that come with the servers, their images and this repository's `compose.yaml`.
const DEFAULT_PASSWORDS: [&str; 9] =
    ["admin", "changeme", "guest", "password", "postgres", "rabbitmq", "roster", "secret", "user"];

pub(super) fn refusals(settings: &Settings) -> Vec<SettingProblem> {
    let mut problems = Vec::new();
    let mut refuse = |names: &[&'static str], says: &str| problems.push(SettingProblem::between(names, says));
    if !settings.limits {
        refuse(&["ROSTER_LIMITS"], "ROSTER_LIMITS=off is for load tests: the production profile refuses it");
    }
    if !settings.listen.ip().is_loopback() && settings.proxies.is_empty() {
        refuse(
            &["ROSTER_LISTEN", "ROSTER_TRUSTED_PROXIES"],
            "ROSTER_LISTEN is reached over a network, and Roster speaks no TLS: put a proxy before it and name it in \
             ROSTER_TRUSTED_PROXIES, or listen on 127.0.0.1",
        );
    }
    let database = &settings.database;
    if let Some(file) = database.secret_file()
        && std::fs::metadata(&file).is_ok_and(|about| exposure(&about) > Exposure::Owner)
    {
        let says = format!("others on this machine can read or change {}: {REMEDY}", file.display());
        refuse(&["DATABASE_URL"], &says);
    }
    if database.host().is_some_and(|host| !is_local(host)) {
        if !database.insists_on_tls() {
            refuse(
                &["DATABASE_URL"],
                "DATABASE_URL crosses a network without encryption: add ?sslmode=verify-full (or require)",
            );
        }
        if !database.has_credentials() {
            refuse(&["DATABASE_URL"], "DATABASE_URL crosses a network without a password: give Roster's user one");
        } else if database.has_user_as_password() || DEFAULT_PASSWORDS.iter().any(|it| database.has_password(it)) {
            refuse(
                &["DATABASE_URL"],
                "DATABASE_URL crosses a network with a default password, or with the user's name for one: set another",
            );
        }
    }
    if let Some(broker) = settings.amqp.as_deref().and_then(|url| url.parse::<Address>().ok())
        && !is_local(broker.host())
    {
        if !broker.is_encrypted() {
            refuse(&["AMQP_URL"], "AMQP_URL crosses a network without encryption: use amqps://");
        }
        if broker.is_anonymous() {
            refuse(
                &["AMQP_URL"],
                "AMQP_URL signs in without a password (auth_mechanism): give Roster a user of its own",
            );
        }
        match broker.credentials() {
            Some(("guest", "guest")) => refuse(
                &["AMQP_URL"],
                "AMQP_URL has the default credentials guest:guest, which also stand for what it leaves out: give Roster \
                 a user and a password of its own",
            ),
            Some((user, password)) if is_weak(user, password) => refuse(
                &["AMQP_URL"],
                "AMQP_URL crosses a network with a default password (guest where it has none), or with the user's name \
                 for one: set another",
            ),
            _ => {}
        }
    }
    problems
}

fn is_weak(user: &str, password: &str) -> bool {
    password.is_empty() || password.eq_ignore_ascii_case(user) || DEFAULT_PASSWORDS.contains(&password)
}

/// Whether what goes there stays on this machine.
fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    is_loopback || host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
}

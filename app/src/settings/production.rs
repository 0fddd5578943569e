//! The checks of the production profile. They use the settings as the client libraries parse them.

use super::{SettingProblem, Settings};
use crate::product::setting;
use messaging::Address;
use private_files::{Exposure, REMEDY, exposure};
use std::net::IpAddr;

/// Default passwords of the servers, their images and this repository's `compose.yaml`.
const DEFAULT_PASSWORDS: [&str; 9] =
    ["admin", "changeme", "guest", "password", "postgres", "rabbitmq", "roster", "secret", "user"];

pub(super) fn refusals(settings: &Settings) -> Vec<SettingProblem> {
    let mut problems = Vec::new();
    let mut refuse = |names: &[&'static str], says: &str| problems.push(SettingProblem::between(names, says));
    if !settings.service.limits {
        let says = concat!(setting!("LIMITS"), "=off is for load tests: the production profile refuses it");
        refuse(&[setting!("LIMITS")], says);
    }
    if !settings.listen.ip().is_loopback() && settings.service.proxies.is_empty() {
        refuse(
            &[setting!("LISTEN"), setting!("TRUSTED_PROXIES")],
            concat!(
                setting!("LISTEN"),
                " can be reached over a network, and Roster does not speak TLS: put a proxy before it and name it in ",
                setting!("TRUSTED_PROXIES"),
                ", or listen on 127.0.0.1"
            ),
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
                "DATABASE_URL connects over a network without encryption: add ?sslmode=verify-full (or require)",
            );
        }
        if !database.has_credentials() {
            refuse(
                &["DATABASE_URL"],
                "DATABASE_URL connects over a network without a password: set one for Roster's user",
            );
        } else if database.has_user_as_password() || DEFAULT_PASSWORDS.iter().any(|it| database.has_password(it)) {
            refuse(
                &["DATABASE_URL"],
                "DATABASE_URL connects over a network with a default password, or with the user's name as its \
                 password: set another",
            );
        }
    }
    if let Some(broker) = settings.amqp.as_deref().and_then(|url| url.parse::<Address>().ok())
        && !is_local(broker.host())
    {
        if !broker.is_encrypted() {
            refuse(&["AMQP_URL"], "AMQP_URL connects over a network without encryption: use amqps://");
        }
        if broker.is_anonymous() {
            refuse(&["AMQP_URL"], "AMQP_URL signs in without a password (auth_mechanism): create a user for Roster");
        }
        match broker.credentials() {
            Some(("guest", "guest")) => refuse(
                &["AMQP_URL"],
                "AMQP_URL has the default credentials guest:guest, which are also used where it leaves them out: \
                 create a user and a password for Roster",
            ),
            Some((user, password)) if is_weak(user, password) => refuse(
                &["AMQP_URL"],
                "AMQP_URL connects over a network with a default password (guest where it has none), or with the \
                 user's name as its password: set another",
            ),
            _ => {}
        }
    }
    problems
}

fn is_weak(user: &str, password: &str) -> bool {
    password.is_empty() || password.eq_ignore_ascii_case(user) || DEFAULT_PASSWORDS.contains(&password)
}

/// Whether the host is this machine.
fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    is_loopback || host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
}

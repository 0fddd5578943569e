//! The checks of the production profile. They use the settings as the client libraries parse them.

use super::{SettingProblem, Settings};
use crate::product::setting;
use mail_infrastructure::MailServer;
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
    if settings.service.cors.hosts_without_tls().any(|host| !is_local(host)) {
        refuse(
            &[setting!("CORS_ORIGINS")],
            concat!(
                setting!("CORS_ORIGINS"),
                " has an http:// origin: a network can change its pages and read their tokens, so serve them by https"
            ),
        );
    }
    let mail = &settings.service.mail;
    if matches!(mail.server, MailServer::Mailbox) {
        let says = concat!(
            setting!("MAIL"),
            "=mailbox keeps mails in the database, for development: the production profile refuses it"
        );
        refuse(&[setting!("MAIL")], says);
    }
    if matches!(mail.server, MailServer::Smtp { .. }) {
        if settings.service.public_url.is_none() {
            let says = concat!(
                setting!("MAIL"),
                " needs ",
                setting!("PUBLIC_URL"),
                ", the URL by which clients reach this service: links in mails lead there"
            );
            refuse(&[setting!("MAIL"), setting!("PUBLIC_URL")], says);
        }
        if mail.links.unsafe_ones().next().is_some() {
            let says = "a link in mails has http://: a network can read its token, so serve the page by https";
            refuse(
                &[
                    setting!("LINK_CONFIRM"),
                    setting!("LINK_RESET"),
                    setting!("LINK_INVITATION"),
                    setting!("LINK_EMAIL"),
                ],
                says,
            );
        }
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
pub(super) fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    is_loopback || host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
}

//! `roster check`

use crate::contexts::handled;
use crate::installation;
use crate::output::print;
use crate::password_services::open_breached;
use crate::product::setting;
use crate::schema;
use crate::serve::see_that_it_exists;
use crate::settings::Settings;
use auth_domain::KeyFit;
use auth_infrastructure::key_record;
use auth_infrastructure::queries::get_service_keys;
use identity::Email;
use kernel::Timestamp;
use mail_application::Attempt;
use mail_infrastructure::{MailServer, MailService};
use persistence::{Db, Read, SqlError, SqlTimestamp, fetch_all, fetch_one, sql};
use std::collections::BTreeSet;
use std::process::ExitCode;
use users_infrastructure::RegistrationMode;

/// The check fails if the clocks of process and database are further apart than this.
const CLOCK_SECONDS: i64 = 2;

/// One line of the report.
struct Finding {
    what: &'static str,
    well: bool,
    says: String,
}

/// Checks everything that a server needs, and prints a report. Works beside a running server.
///
/// # Errors
/// When the report cannot be printed.
pub async fn check(settings: &Settings, mail_to: Option<&Email>, json: bool) -> anyhow::Result<ExitCode> {
    see_that_it_exists(&settings.database)?;
    let mut findings = Vec::new();
    match Db::open_to_look(&settings.database).await {
        Ok(db) => {
            findings.push(keys(settings, Some(&db)).await);
            findings.push(match db.doubt() {
                None => good("database", settings.database.to_string()),
                Some(doubt) => bad("database", doubt.to_owned()),
            });
            match inspect(&db, &handled()).await {
                Ok(more) => findings.extend(more),
                Err(error) => findings.push(bad("database", error.to_string())),
            }
            findings.extend(service_keys(&db).await);
            db.close().await;
        }
        Err(error) => {
            findings.push(keys(settings, None).await);
            findings.push(if error.is_full() {
                let name = setting!("DB_CONNECTIONS");
                let help = format!("lower {name} of the processes that run, or raise the limit");
                bad("connections", format!("{error}: {help}"))
            } else {
                bad("database", error.to_string())
            });
        }
    }
    findings.extend(breached(settings));
    findings.push(mail(settings, mail_to).await);
    findings.extend(registration(settings));
    let well = findings.iter().all(|finding| finding.well);
    if json {
        let checks: Vec<_> = findings
            .iter()
            .map(|it| serde_json::json!({ "check": it.what, "ok": it.well, "detail": it.says }))
            .collect();
        print(&serde_json::json!({ "ok": well, "checks": checks }).to_string())?;
    } else {
        for Finding { what, well, says } in &findings {
            print(&format!("{} {what:<12} {says}", if *well { "ok  " } else { "FAIL" }))?;
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks the templates of mails, and the mail server if there is a recipient for a test mail.
async fn mail(settings: &Settings, to: Option<&Email>) -> Finding {
    let config = &settings.service.mail;
    let service = match MailService::start(config, None) {
        Ok(service) => service,
        Err(error) => return bad("mail", error.to_string()),
    };
    let way = match &config.server {
        MailServer::Off => "off: nothing that needs mail works".to_owned(),
        MailServer::Mailbox => "kept in the database, and shown at /mail".to_owned(),
        MailServer::Smtp { url, .. } => format!("sent by {url}"),
    };
    let Some(to) = to else { return good("mail", way) };
    match service.send_test(to).await {
        Ok(Some(Attempt::Sent(answer))) => {
            good("mail", format!("{way}: the server has taken a test mail: {}", answer.as_str()))
        }
        Ok(Some(Attempt::Refused(answer) | Attempt::Deferred(answer))) => {
            bad("mail", format!("{way}: the server has not taken a test mail: {}", answer.as_str()))
        }
        Ok(Some(Attempt::InMailbox(_)) | None) => {
            bad("mail", format!("{way}: there is no server to send a test mail by"))
        }
        Err(error) => bad("mail", error.to_string()),
    }
}

/// Checks the key file, and compares it with the keys that the database has recorded.
async fn keys(settings: &Settings, db: Option<&Db>) -> Finding {
    let compared = async {
        let recorded = match db {
            Some(db) if schema::missing(db).await? == 0 => key_record::recorded(db).await?,
            _ => Vec::new(),
        };
        let keys = installation::read(settings).map_err(|error| installation::explain_keys_error(error, &recorded))?;
        installation::see_exposure(&keys, settings)?;
        let at = keys.file().path().display();
        Ok(match installation::fit(&keys, &recorded)? {
            KeyFit::Other(why) => {
                bad("keys", format!("the key file {at} belongs to another installation: {why}: {}", installation::HELP))
            }
            KeyFit::Unrecorded => good("keys", format!("{at}, active {}; the next start records it", keys.active())),
            KeyFit::Ours { missing, retired, .. } => match installation::lags(&missing, &retired) {
                Some(why) => bad("keys", format!("{at}: {why}")),
                None => good("keys", format!("{at}, active {}", keys.active())),
            },
        })
    };
    compared.await.unwrap_or_else(|error: anyhow::Error| bad("keys", format!("{error:#}")))
}

/// Checks the file of breached passwords. `None` if there is none.
fn breached(settings: &Settings) -> Option<Finding> {
    let path = settings.service.breached_file.as_ref()?;
    Some(match open_breached(path) {
        Ok(_) => good("breached", path.display().to_string()),
        Err(error) => bad("breached", error.to_string()),
    })
}

/// Checks that mail is on if the mode of registration needs it. `None` if it does not.
fn registration(settings: &Settings) -> Option<Finding> {
    let mode = match settings.service.registration {
        RegistrationMode::Verified => "verified",
        RegistrationMode::Invited => "invited",
        RegistrationMode::Open | RegistrationMode::Closed => return None,
    };
    let (name, mail) = (setting!("REGISTRATION"), setting!("MAIL"));
    Some(match settings.service.mail.server {
        MailServer::Off => bad("registration", format!("{name}={mode} needs mail: set {mail}")),
        MailServer::Mailbox | MailServer::Smtp { .. } => good("registration", mode.to_owned()),
    })
}

async fn inspect(db: &Db, handled: &BTreeSet<(&str, &str)>) -> Result<Vec<Finding>, SqlError> {
    let pending = schema::missing(db).await?;
    if pending > 0 {
        return Ok(vec![bad("schema", format!("{pending} steps of the schema are missing: run `roster migrate`"))]);
    }
    let without = unhandled_subscriptions(db).await?;
    let mut conn = db.read().await?;
    let (SqlTimestamp(theirs),) = fetch_one!(&mut conn, (SqlTimestamp,), sql!("select {now}"))?;
    let apart = (Timestamp::now().as_microsecond() - theirs.as_microsecond()) / 1_000_000;
    drop(conn);
    let ahead = ledger::dead_letters::ahead_of_the_clock(db).await?
        + web::limits_ahead_of_the_clock(db).await?
        + auth_infrastructure::queries::ahead_of_the_clock(db).await?;
    let mut conn = db.read().await?;
    let failed = "select count(*) from ledger_messages where status = 'failed' and payload is not null";
    let (failed,) = fetch_one!(&mut conn, (i64,), failed)?;
    let waiting =
        "select context, name, count(*) from ledger_messages where status = 'accepted' group by context, name";
    let waiting = fetch_all!(&mut conn, (String, String, i64), waiting)?;
    let unhandled: Vec<_> = waiting
        .iter()
        .filter(|(context, name, _)| !handled.contains(&(context.as_str(), name.as_str())))
        .map(|(context, name, count)| format!("{count} of {name} in {context}"))
        .collect();
    let mut findings = connections(&mut conn, db).await?;
    findings.extend([
        good("schema", "up to date".into()),
        Finding {
            what: "clock",
            well: apart.abs() <= CLOCK_SECONDS,
            says: format!("{apart} s ahead of the database's clock"),
        },
        Finding {
            what: "ahead",
            well: ahead == 0,
            says: format!(
                "{ahead} rows have times in the future, because a clock was ahead when they were written: Roster \
                 treats them as due or expired"
            ),
        },
        Finding {
            what: "failed",
            well: failed == 0,
            says: format!("{failed} messages failed for good and wait for an operator"),
        },
        Finding {
            what: "handlers",
            well: unhandled.is_empty(),
            says: match unhandled.is_empty() {
                true => "0 messages wait for a version that handles them".to_owned(),
                false => format!("messages wait for a version that handles them: {}", unhandled.join(", ")),
            },
        },
        Finding {
            what: "subscribed",
            well: without.is_empty(),
            says: match without.is_empty() {
                true => "every subscription has a handler".to_owned(),
                false => without_handler(&without),
            },
        },
        good("waiting", format!("{} messages", waiting.iter().map(|(.., count)| count).sum::<i64>())),
    ]);
    Ok(findings)
}

/// Checks that PostgreSQL allows this role as many connections as one process may open.
async fn connections(conn: &mut Read, db: &Db) -> Result<Vec<Finding>, SqlError> {
    const ROOM: &str = "select current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint, \
         (select rolconnlimit::bigint from pg_roles where rolname = current_user), \
         (select datconnlimit::bigint from pg_database where datname = current_database())";
    let Some(needed) = db.connections().map(|connections| i64::from(connections.all())) else { return Ok(Vec::new()) };
    let (server, role, database) = fetch_one!(conn, (i64, Option<i64>, Option<i64>), ROOM)?;
    // A negative limit means that there is no limit.
    let room = [role, database].into_iter().flatten().filter(|limit| *limit >= 0).fold(server, i64::min);
    Ok(vec![Finding {
        what: "connections",
        well: needed <= room,
        says: format!(
            "each process may open {needed} ({}), PostgreSQL has {room} for all processes of this role",
            setting!("DB_CONNECTIONS")
        ),
    }])
}

/// Warns of service keys whose creator is no administrator any more. The check does not fail, since a server can run
/// with them. `None` if the schema is too old to tell, which is a finding of its own.
async fn service_keys(db: &Db) -> Option<Finding> {
    let orphaned = get_service_keys::orphaned(db).await.ok()?;
    let named: Vec<_> = orphaned.iter().map(|key| format!("{} ({})", key.id, key.name)).collect();
    let says = if named.is_empty() {
        "each was created by a present administrator or by an operator".to_owned()
    } else {
        format!(
            "warning: created by a user who is no administrator any more: {}; see `roster service-keys revoke`",
            named.join(", ")
        )
    };
    Some(good("service-keys", says))
}

/// The subscriptions that this version has no handler for, as after a downgrade. Commands that publish such an event
/// stay `running`.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn unhandled_subscriptions(db: &Db) -> Result<Vec<String>, SqlError> {
    let mut conn = db.read().await?;
    let sql = "select event, context, awaited from ledger_subscriptions order by event, context";
    let all = fetch_all!(&mut conn, (String, String, bool), sql)?;
    let handled = handled();
    let without = all.into_iter().filter(|(event, context, _)| !handled.contains(&(context.as_str(), event.as_str())));
    let named =
        |(event, context, awaited)| format!("{event} in {context}{}", if awaited { "" } else { " (not awaited)" });
    Ok(without.map(named).collect())
}

/// The message about subscriptions without a handler.
pub(crate) fn without_handler(subscriptions: &[String]) -> String {
    format!(
        "this version has no handler for {}: commands that wait for it stay running until a worker of a newer version \
         runs",
        subscriptions.join(", ")
    )
}

const fn good(what: &'static str, says: String) -> Finding {
    Finding { what, well: true, says }
}

const fn bad(what: &'static str, says: String) -> Finding {
    Finding { what, well: false, says }
}

//! `roster serve`

use crate::check::{unhandled_subscriptions, without_handler};
use crate::compose::{AppConfig, Broker, ProcessRole, Roster};
use crate::installation::keys_to_serve;
use crate::logging;
use crate::product::{self, setting};
use crate::schema;
use crate::settings::{Profile, Settings};
use anyhow::{Context as _, anyhow, bail};
use persistence::{DatabaseUrl, Db, OpenError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout_at};
use users_infrastructure::RegistrationMode;
use web::ConnectionLimits;

/// How long to try to open a database that does not answer.
const DATABASE_WITHIN: Duration = Duration::from_secs(30);
/// The longest time that stopping may take. Orchestrators send SIGKILL after 30 seconds.
const STOP_WITHIN: Duration = Duration::from_secs(28);
const DATABASE_RETRY: Duration = Duration::from_millis(500);
/// Open files reserved for the database, the broker and the log.
const RESERVED_FILES: usize = 256;
const FEWEST_CONNECTIONS: usize = 64;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the database, the port or another thing that it needs cannot be used. The message says what to do.
pub async fn serve(settings: Settings, role: ProcessRole) -> anyhow::Result<()> {
    if settings.is_embedded() && role != ProcessRole::All {
        bail!(
            "--role needs PostgreSQL, since SQLite serves one process: set DATABASE_URL=postgres://…, or leave --role out"
        );
    }
    // Register the signals before anything else, so that an early SIGTERM is not lost.
    let mut stop = pin!(stop_signal()?);
    let listener = if role.answers() { Some(bind(settings.listen).await?) } else { None };
    let makes_a_file = settings.makes_a_file();
    let prepared = async {
        let db = open(&settings).await?;
        tokio::spawn(end_when_replaced(db.clone()));
        prepare_schema(&db, settings.profile).await?;
        Ok::<_, anyhow::Error>(db)
    };
    let db = tokio::select! {
        db = prepared => db?,
        () = &mut stop => return Ok(()),
    };
    if role.answers() {
        let db = db.clone();
        tokio::spawn(async move { db.warm_up().await });
    }
    let keys = keys_to_serve(&db, &settings).await?;
    let without = unhandled_subscriptions(&db).await?;
    if !without.is_empty() {
        tracing::warn!("{}", without_handler(&without));
    }
    let listening = listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let mut roster = Roster::compose(AppConfig {
        db,
        keys,
        role,
        broker: settings.amqp.clone().map(|url| Broker { url, prefix: product::NAME.into() }),
        options: settings.service.clone(),
    })?;
    roster.work().await.context("the ledger cannot be read")?;
    if let Some(who) = settings.first_administrator.clone() {
        roster.make_first_administrator(who);
    }
    warn(&settings);
    if makes_a_file {
        tracing::info!(database = %settings.database, "a new database file has been created: it is empty");
    }
    let server = listener.map(|listener| (listener, roster.app(), connection_limits(&settings, &roster)));
    // The greeting comes last: tests and scripts wait for it, and expect the warnings and the raised limit of files.
    logging::say(greeting(&settings, &roster, role, listening));
    let stopping_since = OnceLock::new();
    match server {
        Some((listener, app, limits)) => {
            let stopping = async {
                stop.await;
                roster.announce_stop();
                if !settings.shutdown_delay.is_zero() {
                    // Load balancers send requests until they see that the process is not ready.
                    tracing::info!(
                        seconds = settings.shutdown_delay.as_secs(),
                        "not ready any more: stopping after the delay"
                    );
                    sleep(settings.shutdown_delay).await;
                }
                stopping_since.get_or_init(Instant::now);
                roster.begin_stop();
            };
            web::serve(listener, app, limits, stopping).await;
        }
        None => stop.await,
    }
    tracing::info!("stopping");
    let give_up = *stopping_since.get_or_init(Instant::now) + STOP_WITHIN;
    if timeout_at(give_up, roster.stop()).await.is_err() {
        tracing::warn!("stopped without waiting for connections that do not answer: their leases expire");
    }
    Ok(())
}

/// Limits the connections to the number of files that this process may open, less those that it needs itself.
fn connection_limits(settings: &Settings, roster: &Roster) -> ConnectionLimits {
    let mut limits = ConnectionLimits { idle_for: settings.idle_timeout, ..roster.connection_limits() };
    if let Some(fit) = raise_file_limit().map(|files| files.saturating_sub(RESERVED_FILES).max(FEWEST_CONNECTIONS))
        && fit < limits.connections
    {
        tracing::warn!(connections = fit, "the limit of open files is low (ulimit -n): serving fewer connections");
        limits.connections = fit;
        // One address may use half of them at most.
        limits.per_address = limits.per_address.min(fit / 2);
    }
    limits
}

/// Raises the limit of open files to the maximum that the system allows, and returns it. Shells usually set 1,024.
/// `None` means no limit.
fn raise_file_limit() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { raised.current } else { limit.current };
    current.and_then(|files| usize::try_from(files).ok())
}

/// Ends the process as soon as the SQLite file has been replaced by another one. Another write from memory or from the
/// old write-ahead log would destroy the new file.
async fn end_when_replaced(db: Db) {
    let why = db.replaced().await;
    tracing::error!("{why}: stopping at once, since another write would be lost or would destroy the new file");
    logging::complain(&format!(
        "roster: {why}: stop Roster before you put a backup in place, then move away the old files that end in -wal \
         and -shm (docs/OPERATING.md, Backups)"
    ));
    logging::flush();
    std::process::exit(2);
}

async fn bind(at: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at)
        .await
        .map_err(|error| anyhow!("cannot listen on {at} ({error}): set {} to another address", setting!("LISTEN")))
}

/// Opens the database, and tries again for 30 seconds if it does not answer.
///
/// # Errors
/// When it does not answer, or must not be used.
pub async fn open(settings: &Settings) -> anyhow::Result<Db> {
    let give_up = Instant::now() + DATABASE_WITHIN;
    let mut is_logged = false;
    loop {
        match Db::open(&settings.database).await {
            Ok(db) => return Ok(db),
            Err(OpenError::Unfit(why)) => bail!("{why}"),
            Err(OpenError::InUse(why)) => bail!("{why}, or set {} to another folder", setting!("DATA_DIR")),
            Err(OpenError::Unreachable(error)) if Instant::now() >= give_up => {
                bail!("the database {} does not answer: {error}", settings.database);
            }
            Err(OpenError::Unreachable(error)) => {
                if !is_logged {
                    tracing::warn!(%error, database = %settings.database, "the database does not answer: trying again for 30 s");
                    is_logged = true;
                }
                sleep(DATABASE_RETRY).await;
            }
        }
    }
}

/// Opens the database for an operator, beside the processes that serve it.
///
/// # Errors
/// When there is none yet, or it cannot be used.
pub(crate) async fn beside(settings: &Settings) -> anyhow::Result<Db> {
    see_that_it_exists(&settings.database)?;
    let db = Db::open_unlocked(&settings.database).await?;
    prepare_schema(&db, settings.profile).await?;
    Ok(db)
}

/// Opens the database for reading: creates nothing and migrates nothing.
///
/// # Errors
/// When there is none yet, its schema is not up to date, or it cannot be used.
pub(crate) async fn open_read_only(settings: &Settings) -> anyhow::Result<Db> {
    see_that_it_exists(&settings.database)?;
    let db = Db::open_to_look(&settings.database).await?;
    if schema::missing(&db).await? > 0 {
        bail!("the schema of {} is not up to date: run `roster migrate`", settings.database);
    }
    Ok(db)
}

/// Checks that a SQLite file exists. PostgreSQL is not asked.
///
/// # Errors
/// When there is no SQLite file yet.
pub(crate) fn see_that_it_exists(database: &DatabaseUrl) -> anyhow::Result<()> {
    match database {
        DatabaseUrl::Sqlite(path) if !path.exists() => {
            bail!("{database} does not exist yet: `roster serve` creates it")
        }
        _ => Ok(()),
    }
}

/// Brings the schema up to date in the development profile. In production it only checks that it is.
///
/// # Errors
/// When the schema is not up to date in production, or a migration fails.
pub(crate) async fn prepare_schema(db: &Db, profile: Profile) -> anyhow::Result<()> {
    if schema::missing(db).await? == 0 {
        return Ok(());
    }
    if profile == Profile::Production {
        bail!("the schema is not up to date: run `roster migrate` first");
    }
    let applied = schema::migrate(db).await?;
    tracing::info!(migrations = applied, "the schema has been brought up to date");
    Ok(())
}

fn greeting(settings: &Settings, roster: &Roster, role: ProcessRole, listening: Option<SocketAddr>) -> String {
    let mut lines = Vec::new();
    match listening {
        Some(at) => {
            lines.push(format!("Roster listens on http://{at}"));
            if settings.service.docs {
                lines.push(format!("  docs     http://{at}/docs"));
            }
        }
        None => lines.push("Roster works".to_owned()),
    }
    lines.push(format!("  data     {}", settings.database));
    lines.push(format!("  hints    {}", roster.hints_kind()));
    if role != ProcessRole::All {
        lines.push(format!("  role     {}", if role.answers() { "api: needs a worker beside it" } else { "worker" }));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Logs settings that an operator should know of.
fn warn(settings: &Settings) {
    if settings.service.registration == RegistrationMode::Open {
        tracing::info!("registration is open: anyone who registers can learn whether an address is registered already");
    }
    if !settings.service.limits {
        tracing::warn!("{}=off is for load tests", setting!("LIMITS"));
    }
}

/// Resolves at SIGTERM or SIGINT. A second one ends the process at once.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            std::process::exit(130);
        });
    })
}

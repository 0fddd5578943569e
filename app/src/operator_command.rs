//! A command of the command line's own: handed in and waited for, beside a running server or without one.

use crate::compose::{AppConfig, Issuer, ProcessRole, Roster};
use crate::installation::{keys_to_serve, keys_to_work};
use crate::operator_commands::OperatorCommands;
use crate::output::note;
use crate::serve::{prepare_schema, see_that_it_exists};
use crate::settings::Settings;
use anyhow::Context as _;
use kernel::MessageId;
use persistence::Db;
use std::time::Duration;
use tokio::time::Instant;

/// For an outcome. The command stands whether or not somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// As long, beside whoever serves a SQLite file, before looking whether they still do.
const BESIDE: Duration = Duration::from_secs(3);

/// Whether there has to be an installation already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Installation {
    /// It is made where there is none: the database, its schema and the keys.
    MadeIfMissing,
    /// Where there is none, nothing is done.
    Needed,
}

/// How far it has come.
pub(crate) enum OperatorCommand<T> {
    /// This has come of it.
    Done(T),
    /// It will be done, as this command; nobody has yet.
    Pending(MessageId),
}

/// Runs it until it is done, or patience ends. `step` is given what is pending: it hands the command
/// in when that is nothing, and waits as long as it is told.
///
/// # Errors
/// Those of `step`, and when the database cannot be used.
pub(crate) async fn run<T>(
    settings: &Settings,
    installation: Installation,
    step: impl AsyncFn(&OperatorCommands, Option<MessageId>, Duration) -> anyhow::Result<OperatorCommand<T>>,
) -> anyhow::Result<OperatorCommand<T>> {
    let give_up = Instant::now() + PATIENCE;
    let mut pending = None;
    loop {
        let (mut roster, works) = compose(settings, installation).await?;
        let patience = if works { PATIENCE } else { BESIDE };
        let done = match roster.work().await.context("the ledger cannot be read") {
            Ok(()) => step(&roster.operator(), pending, patience).await,
            Err(error) => Err(error),
        };
        roster.stop().await;
        match done? {
            // Whoever served the file may have ended: then the work is ours.
            OperatorCommand::Pending(id) if Instant::now() < give_up => pending = Some(id),
            done => return Ok(done),
        }
    }
}

/// A process for one command; and whether it works itself.
async fn compose(settings: &Settings, installation: Installation) -> anyhow::Result<(Roster, bool)> {
    if installation == Installation::Needed {
        see_that_it_exists(&settings.database)?;
    }
    let is_new = settings.makes_a_file_elsewhere();
    let (db, may_serve) = Db::open_or_unlocked(&settings.database).await?;
    if is_new {
        note(&format!("{}: a new database file has been created", settings.database));
    }
    prepare_schema(&db, settings.profile).await?;
    let keys = match installation {
        Installation::MadeIfMissing => keys_to_serve(&db, settings).await?,
        Installation::Needed => keys_to_work(&db, settings).await?,
    };
    // Where only the public keys are, somebody else works.
    let works = may_serve && keys.opener().is_ok();
    let roster = Roster::compose(AppConfig {
        db,
        keys,
        role: if works { ProcessRole::All } else { ProcessRole::Api },
        broker: None,
        bcrypt_cost: settings.bcrypt_cost,
        tokens: Issuer::default(),
        refresh_grace: settings.refresh_grace,
        max_delay: settings.max_delay,
        docs: false,
        limits: settings.limits,
        proxies: settings.proxies.clone(),
        connections_per_address: settings.connections_per_address,
        public_url: settings.public_url.clone(),
    })?;
    Ok((roster, works))
}

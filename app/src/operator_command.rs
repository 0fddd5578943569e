//! Submits a command for an operator and waits for its outcome, beside a running server or without one.

use crate::compose::ProcessRole;
use crate::contexts::HandlerTools;
use crate::installation::{keys_to_serve, keys_to_work};
use crate::mail::MailServices;
use crate::message_node::MessageNode;
use crate::operator_commands::OperatorCommands;
use crate::output::note;
use crate::password_services::{PasswordServices, password_policy, policy_without_file};
use crate::product;
use crate::serve::{prepare_schema, see_that_it_exists};
use crate::settings::Settings;
use anyhow::{Context as _, bail};
use kernel::MessageId;
use persistence::Db;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait for the outcome. The command stays accepted when the time is over.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long to wait while another process serves the SQLite file, before trying to lock the file again.
const BESIDE: Duration = Duration::from_secs(3);

/// Whether the installation has to exist already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Installation {
    /// Create the database, its schema and the keys if they are missing.
    MadeIfMissing,
    /// Fail if there is no installation.
    Needed,
}

/// How far an operator's command has come.
pub(crate) enum OperatorCommand<T> {
    /// It is finished, with this result.
    Done(T),
    /// The command with this id is accepted and not finished.
    Pending(MessageId),
}

/// Runs `step` until it is done, or [`PATIENCE`] is over. `step(None)` submits the command, `step(Some(id))` waits for
/// the one submitted before; both wait for the given time at most.
///
/// # Errors
/// The errors of `step`, and when the database cannot be used.
pub(crate) async fn run<T>(
    settings: &Settings,
    installation: Installation,
    step: impl AsyncFn(&OperatorCommands, Option<MessageId>, Duration) -> anyhow::Result<OperatorCommand<T>>,
) -> anyhow::Result<OperatorCommand<T>> {
    run_until(settings, installation, Some(Instant::now() + PATIENCE), step).await
}

/// Runs `step` as [`run`] does, however long it takes: for a job that shows its progress.
///
/// # Errors
/// As [`run`].
pub(crate) async fn run_to_the_end<T>(
    settings: &Settings,
    installation: Installation,
    step: impl AsyncFn(&OperatorCommands, Option<MessageId>, Duration) -> anyhow::Result<OperatorCommand<T>>,
) -> anyhow::Result<T> {
    match run_until(settings, installation, None, step).await? {
        OperatorCommand::Done(done) => Ok(done),
        OperatorCommand::Pending(id) => bail!("the command is not finished: see `roster commands show {id}`"),
    }
}

async fn run_until<T>(
    settings: &Settings,
    installation: Installation,
    give_up: Option<Instant>,
    step: impl AsyncFn(&OperatorCommands, Option<MessageId>, Duration) -> anyhow::Result<OperatorCommand<T>>,
) -> anyhow::Result<OperatorCommand<T>> {
    let mut pending = None;
    loop {
        let mut process = OperatorProcess::start(settings, installation).await?;
        let patience = if process.works { PATIENCE } else { BESIDE };
        let done = match process.messages.work().await.context("the ledger cannot be read") {
            Ok(()) => step(&process.commands, pending, patience).await,
            Err(error) => Err(error),
        };
        process.stop().await;
        match done? {
            // The process that served the file may have ended: this one then takes the lock and does the work.
            OperatorCommand::Pending(id) if give_up.is_none_or(|at| Instant::now() < at) => pending = Some(id),
            done => return Ok(done),
        }
    }
}

/// A process for one command: a node of the ledger, without the HTTP edge.
struct OperatorProcess {
    messages: MessageNode,
    commands: OperatorCommands,
    /// Whether this process executes the command itself.
    works: bool,
}

impl OperatorProcess {
    async fn start(settings: &Settings, installation: Installation) -> anyhow::Result<Self> {
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
        // With a key file of public keys only, another process has to execute commands.
        let works = may_serve && keys.opener(product::LABELS).is_ok();
        let role = if works { ProcessRole::Worker } else { ProcessRole::Api };
        let policy = match installation {
            Installation::MadeIfMissing => password_policy(&settings.service)?,
            // Only a new user's command has a password.
            Installation::Needed => policy_without_file(&settings.service.tokens),
        };
        let passwords = PasswordServices::start(&db, &keys, role, settings.service.bcrypt_cost, policy)?;
        let mail = MailServices::start(&settings.service.mail, &keys, role)?;
        let tools = HandlerTools { hashing: passwords.hashing.clone(), mailer: mail.service };
        let messages = MessageNode::start(&db, &tools, role, None, settings.service.max_delay)?;
        let commands = OperatorCommands::new(&db, messages.ledger(), &passwords);
        Ok(Self { messages, commands, works })
    }

    async fn stop(self) {
        self.messages.stop().await;
        self.commands.db.close().await;
    }
}

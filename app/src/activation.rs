//! `roster users deactivate` and `roster users reactivate`

use crate::operator_command::{self, Installation, OperatorCommand};
use crate::operator_commands::OperatorCommands;
use crate::output::refused;
use crate::settings::Settings;
use anyhow::{Context as _, bail};
use auth_infrastructure::queries::get_accounts::{self, AccountView};
use kernel::{Email, EmailError, MessageId, UserId};
use ledger::{Command, Status};
use persistence::Db;
use std::time::Duration;
use users_application::{DeactivateUser, ReactivateUser};

/// Somebody, as an operator names them.
#[derive(Debug, Clone)]
pub(crate) enum UserRef {
    Address(Email),
    Id(UserId),
}

impl std::str::FromStr for UserRef {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        match web::parse_id(text) {
            Ok(id) => Ok(Self::Id(UserId::new(id))),
            Err(_) => Email::parse(text).map(Self::Address),
        }
    }
}

impl UserRef {
    /// # Errors
    /// [`Refused`](crate::output::Refused) when there is no such user.
    pub(crate) async fn find(&self, db: &Db) -> anyhow::Result<AccountView> {
        let (found, nobody) = match self {
            Self::Address(email) => (get_accounts::find(db, email).await?, "nobody signs in with this address"),
            Self::Id(id) => (get_accounts::find_account(db, *id).await?, "nobody who signs in has this id"),
        };
        found.ok_or_else(|| refused(nobody))
    }
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    Active,
    Deactivated,
}

/// Lets somebody sign in, or not, and waits until it is so; who they are then.
///
/// # Errors
/// [`Refused`](crate::output::Refused) when there is no such user, and when it cannot be done.
pub(crate) async fn set(settings: &Settings, user: &UserRef, wanted: Activation) -> anyhow::Result<AccountView> {
    let done = operator_command::run(settings, Installation::Needed, async |operator, pending, patience| {
        let account = user.find(&operator.db).await?;
        let id = pending.unwrap_or_else(MessageId::random);
        let outcome = match pending {
            None => hand_in(operator, id, UserId::new(account.id), wanted, patience).await?,
            Some(id) => operator.ended(id, patience).await?,
        };
        let Some(command) = outcome else { return Ok(OperatorCommand::Pending(id)) };
        check_outcome(&command)?;
        user.find(&operator.db).await.map(OperatorCommand::Done)
    });
    match done.await? {
        OperatorCommand::Done(account) => Ok(account),
        OperatorCommand::Pending(id) => {
            bail!("nobody has done it yet; it will be done: see `roster commands show {id}`")
        }
    }
}

async fn hand_in(
    operator: &OperatorCommands,
    command: MessageId,
    id: UserId,
    wanted: Activation,
    patience: Duration,
) -> anyhow::Result<Option<Command>> {
    match wanted {
        Activation::Active => operator.command(command, &ReactivateUser { id, by: None, client: None }, patience).await,
        Activation::Deactivated => {
            operator.command(command, &DeactivateUser { id, by: None, client: None }, patience).await
        }
    }
}

/// Whether it has gone well.
fn check_outcome(command: &Command) -> anyhow::Result<()> {
    match command.status {
        Status::Succeeded => Ok(()),
        Status::Rejected => Err(refused(command.error.as_ref().context("it was rejected")?.message.clone())),
        _ => bail!("it failed: see `roster commands show {}`", command.id),
    }
}

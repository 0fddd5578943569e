//! The subcommands of `roster users` that send a command about one user.

use crate::operator_command::{self, Installation, OperatorCommand};
use crate::operator_commands::OperatorCommands;
use crate::output::refused;
use crate::settings::Settings;
use anyhow::{Context as _, bail};
use auth_infrastructure::queries::get_accounts::{self, AccountView};
use identity::{Email, EmailError, UserId};
use kernel::MessageId;
use ledger::{Command, Status};
use persistence::Db;
use std::time::Duration;
use users_application::{DeactivateUser, EraseUser, NameChange, ReactivateUser, UpdateUser};
use users_domain::{ErasureReason, Name};

/// A user, as an operator names them.
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
    /// Looks the user up.
    ///
    /// # Errors
    /// [`Refused`](crate::output::Refused) when there is no such user.
    pub(crate) async fn find(&self, db: &Db) -> anyhow::Result<AccountView> {
        let (found, not_found) = match self {
            Self::Address(email) => (get_accounts::find(db, email).await?, "no user signs in with this address"),
            Self::Id(id) => (get_accounts::find_account(db, *id).await?, "no user who can sign in has this id"),
        };
        found.ok_or_else(|| refused(not_found))
    }
}

/// What an operator does to a user.
#[derive(Debug, Clone)]
pub(crate) enum UserChange {
    Reactivate,
    Deactivate,
    Update { name: Option<Option<Name>>, email: Option<Email> },
    Erase { reason: ErasureReason },
}

/// Changes a user, waits until it is done, and returns the account as it is then; `None` for an erased user.
///
/// # Errors
/// [`Refused`](crate::output::Refused) when there is no such user, and when it cannot be done.
pub(crate) async fn apply(
    settings: &Settings,
    user: &UserRef,
    change: &UserChange,
) -> anyhow::Result<Option<AccountView>> {
    let done = operator_command::run(settings, Installation::Needed, async |operator, pending, patience| {
        let id = pending.unwrap_or_else(MessageId::random);
        let outcome = match pending {
            None => {
                let account = user.find(&operator.db).await?;
                change.send(operator, id, UserId::new(account.id), patience).await?
            }
            Some(id) => operator.ended(id, patience).await?,
        };
        let Some(command) = outcome else { return Ok(OperatorCommand::Pending(id)) };
        check_outcome(&command)?;
        let found = get_accounts::find_account(&operator.db, UserId::new(command.subject)).await?;
        Ok(OperatorCommand::Done(found))
    });
    match done.await? {
        OperatorCommand::Done(account) => Ok(account),
        OperatorCommand::Pending(id) => {
            bail!("the command is accepted and not finished yet: see `roster commands show {id}`")
        }
    }
}

impl UserChange {
    /// Sends the command, and waits for its outcome.
    async fn send(
        &self,
        operator: &OperatorCommands,
        command: MessageId,
        id: UserId,
        patience: Duration,
    ) -> anyhow::Result<Option<Command>> {
        let (by, client) = (None, None);
        match self.clone() {
            Self::Reactivate => operator.command(command, &ReactivateUser { id, by, client }, patience).await,
            Self::Deactivate => operator.command(command, &DeactivateUser { id, by, client }, patience).await,
            Self::Update { name, email } => {
                let name = name.map(NameChange::from);
                let update = UpdateUser { id, name, email, link: None, known_versions: None, by, client };
                operator.command(command, &update, patience).await
            }
            Self::Erase { reason } => {
                let reason = Some(reason);
                operator.command(command, &EraseUser { id, by, client, reason }, patience).await
            }
        }
    }
}

/// Turns a rejected or failed command into an error.
fn check_outcome(command: &Command) -> anyhow::Result<()> {
    match command.status {
        Status::Succeeded => Ok(()),
        Status::Rejected => Err(refused(command.error.as_ref().context("the command was rejected")?.message.clone())),
        _ => bail!("the command failed: see `roster commands show {}`", command.id),
    }
}

//! `roster users deactivate` and `roster users reactivate`

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
use users_application::{DeactivateUser, ReactivateUser};

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

/// The state to bring a user into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    Active,
    Deactivated,
}

/// Activates or deactivates a user, waits until it is done, and returns the account as it is then.
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
            bail!("the command is accepted and not finished yet: see `roster commands show {id}`")
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

/// Turns a rejected or failed command into an error.
fn check_outcome(command: &Command) -> anyhow::Result<()> {
    match command.status {
        Status::Succeeded => Ok(()),
        Status::Rejected => Err(refused(command.error.as_ref().context("the command was rejected")?.message.clone())),
        _ => bail!("the command failed: see `roster commands show {}`", command.id),
    }
}

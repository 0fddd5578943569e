//! `roster users deactivate` and `roster users reactivate`

use crate::errand::{self, Errand, Installation};
use crate::output::refused;
use crate::registrar::Registrar;
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
pub(crate) enum Whom {
    Address(Email),
    Id(UserId),
}

impl std::str::FromStr for Whom {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        match web::parse_id(text) {
            Ok(id) => Ok(Self::Id(UserId::new(id))),
            Err(_) => Email::parse(text).map(Self::Address),
        }
    }
}

impl Whom {
    /// # Errors
    /// [`Refused`](crate::output::Refused) when there is no such user.
    pub(crate) async fn find(&self, db: &Db) -> anyhow::Result<AccountView> {
        let (found, nobody) = match self {
            Self::Address(email) => (get_accounts::find(db, email).await?, "nobody signs in with this address"),
            Self::Id(id) => (get_accounts::of(db, *id).await?, "nobody who signs in has this id"),
        };
        found.ok_or_else(|| refused(nobody))
    }
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Active,
    Deactivated,
}

/// Lets somebody sign in, or not, and waits until it is so; who they are then.
///
/// # Errors
/// [`Refused`](crate::output::Refused) when there is no such user, and when it cannot be done.
pub(crate) async fn set(settings: &Settings, whom: &Whom, wanted: Standing) -> anyhow::Result<AccountView> {
    let done = errand::run(settings, Installation::Needed, async |registrar, pending, patience| {
        let account = whom.find(&registrar.db).await?;
        let id = pending.unwrap_or_else(MessageId::random);
        let outcome = match pending {
            None => hand_in(registrar, id, UserId::new(account.id), wanted, patience).await?,
            Some(id) => registrar.ended(id, patience).await?,
        };
        let Some(command) = outcome else { return Ok(Errand::Pending(id)) };
        judge(&command)?;
        whom.find(&registrar.db).await.map(Errand::Done)
    });
    match done.await? {
        Errand::Done(account) => Ok(account),
        Errand::Pending(id) => bail!("nobody has done it yet; it will be done: see `roster commands show {id}`"),
    }
}

async fn hand_in(
    registrar: &Registrar,
    command: MessageId,
    id: UserId,
    wanted: Standing,
    patience: Duration,
) -> anyhow::Result<Option<Command>> {
    match wanted {
        Standing::Active => registrar.command(command, &ReactivateUser { id, by: None, client: None }, patience).await,
        Standing::Deactivated => {
            registrar.command(command, &DeactivateUser { id, by: None, client: None }, patience).await
        }
    }
}

/// Whether it has gone well.
fn judge(command: &Command) -> anyhow::Result<()> {
    match command.status {
        Status::Succeeded => Ok(()),
        Status::Rejected => Err(refused(command.error.as_ref().context("it was rejected")?.message.clone())),
        _ => bail!("it failed: see `roster commands show {}`", command.id),
    }
}

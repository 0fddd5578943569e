//! Commands that an operator sends through the ledger, as the HTTP handlers do for clients.

use crate::password_services::PasswordServices;
use anyhow::anyhow;
use auth_access::PasswordSealer;
use auth_application::{Authority, SetRole};
use auth_domain::Role;
use auth_infrastructure::{SqlCredentials, run_in_transaction};
use identity::{Email, UserId};
use kernel::{MessageId, Secret};
use ledger::{Accepted, Command, IdempotencyScope, Ledger, NewCommand, Status};
use persistence::Db;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use use_case::Message;
use users_application::RegisterUser;
use users_domain::Name;

/// The sender of an operator's commands, as the ledger stores it.
const OPERATOR: &str = "operator";

/// A user to register.
#[derive(Clone)]
pub(crate) struct NewUser {
    pub(crate) email: Email,
    pub(crate) name: Option<Name>,
    pub(crate) password: Secret,
}

/// The outcome of a registration.
pub(crate) enum Registered {
    /// The user can sign in. `earlier`: the same idempotency key was accepted before.
    Done { user: UserId, earlier: bool },
    /// The password policy refuses the password, for these reasons.
    Weak(Vec<String>),
    /// Another user has this address.
    Taken,
    /// The command failed and waits for an operator.
    Failed(MessageId),
    /// The command is accepted and not finished.
    Pending(MessageId),
}

/// Sends commands without an HTTP request. Clones share their state.
#[derive(Clone)]
pub(crate) struct OperatorCommands {
    pub(crate) db: Db,
    pub(crate) ledger: Ledger,
    gate: Arc<dyn PasswordSealer>,
    pub(crate) credentials: Arc<SqlCredentials>,
}

impl OperatorCommands {
    pub(crate) fn new(db: &Db, ledger: Ledger, passwords: &PasswordServices) -> Self {
        let (gate, credentials) = (passwords.gate.clone(), passwords.credentials.clone());
        Self { db: db.clone(), ledger, gate, credentials }
    }

    /// Registers a user, and waits for the outcome for `patience` at most. With `once`, processes that register the
    /// same user share one command.
    ///
    /// # Errors
    /// When the password cannot be sealed, or the database does not answer.
    pub(crate) async fn register(
        &self,
        who: &NewUser,
        once: Option<IdempotencyScope>,
        patience: Duration,
    ) -> anyhow::Result<Registered> {
        let flaws = self.gate.check(&who.password, Some(&who.email), who.name.as_ref().map(Name::as_str));
        if !flaws.is_empty() {
            return Ok(Registered::Weak(flaws.into_iter().map(|flaw| flaw.message).collect()));
        }
        let (command, id) = (MessageId::random(), UserId::random());
        let sealed = self.gate.seal(&who.password, command, id);
        let password = sealed.map_err(|_| anyhow!("the password cannot be sealed: run `roster check`"))?;
        let message = RegisterUser { name: who.name.clone(), ..RegisterUser::new(id, who.email.clone(), password) };
        let accepted = self.ledger.accept(NewCommand::new(command, &message, OPERATOR).idempotent(once)).await?;
        let (command, earlier) = match accepted {
            Accepted::New(id, _) => (id, false),
            Accepted::Duplicate(id) => (id, true),
        };
        self.outcome(command, earlier, patience).await
    }

    /// Submits a command as an operator, and waits for its outcome; `None` when it is not finished after `patience`.
    ///
    /// # Errors
    /// When the password cannot be sealed, or the database does not answer.
    pub(crate) async fn command<M: Message>(
        &self,
        id: MessageId,
        message: &M,
        patience: Duration,
    ) -> anyhow::Result<Option<Command>> {
        self.ledger.accept(NewCommand::new(id, message, OPERATOR)).await?;
        self.ended(id, patience).await
    }

    /// Waits for a submitted command; `None` when it is not finished after `patience`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn ended(&self, id: MessageId, patience: Duration) -> anyhow::Result<Option<Command>> {
        let command = self.ledger.command_by(id, Instant::now() + patience).await?;
        Ok(command.filter(|command| command.status.is_final()))
    }

    /// Waits for the outcome of a registration that was submitted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn outcome(
        &self,
        command: MessageId,
        earlier: bool,
        patience: Duration,
    ) -> anyhow::Result<Registered> {
        let outcome = self.ledger.command_by(command, Instant::now() + patience).await?;
        Ok(match outcome {
            Some(it) if it.status == Status::Succeeded => Registered::Done { user: UserId::new(it.subject), earlier },
            // The user id is new, so the address is the conflict.
            Some(it) if it.status == Status::Rejected => Registered::Taken,
            Some(it) if it.status == Status::Failed => Registered::Failed(command),
            _ => Registered::Pending(command),
        })
    }
}

/// Sets a user's role as an operator. `false` when there is no such user.
///
/// # Errors
/// When the database does not answer; [`Refused`](crate::output::Refused) for the last administrator.
pub(crate) async fn give_role(db: &Db, user: UserId, role: Role) -> anyhow::Result<bool> {
    let set = SetRole { by: Authority::operator(), user, role };
    match run_in_transaction(db, set).await.map_err(|why| anyhow!("{why}"))? {
        None => Ok(false),
        Some(Ok(())) => Ok(true),
        Some(Err(why)) => Err(crate::output::refused(why.to_string())),
    }
}

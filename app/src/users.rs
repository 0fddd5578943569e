//! `roster users`

use crate::activation::{self, Activation, UserRef};
use crate::compose::password_policy;
use crate::operator_command::{self, Installation, OperatorCommand};
use crate::operator_commands::{NewUser, Registered, give_role};
use crate::output::{print, print_table, refused};
use crate::prompt;
use crate::serve::{beside, open_read_only};
use crate::settings::Settings;
use anyhow::{Context as _, anyhow, bail};
use auth_application::{Authority, Credentials as _, SetPassword};
use auth_domain::Role;
use auth_infrastructure::queries::get_accounts::{self, AccountView};
use auth_infrastructure::{HashPool, SqlCredentials, run_in_transaction};
use clap::Subcommand;
use kernel::{Email, Secret, UserId};
use persistence::Db;
use serde_json::json;
use std::io::{IsTerminal as _, Read as _};
use std::sync::Arc;
use users_domain::Name;

/// Longer than any password, in bytes.
const LONGEST: usize = 4_096;

/// What an operator does with users.
#[derive(Subcommand)]
pub(crate) enum UsersArgs {
    /// Register somebody, and wait until they can sign in
    ///
    /// Beside a running server it hands the registration in and waits; without one it does the work
    /// itself. The password must fit the policy. Exits with 1 when the address is taken or the
    /// password is refused.
    Create {
        /// The address that they sign in with
        #[arg(value_parser = Email::parse)]
        email: Email,
        /// What they are called
        #[arg(long, value_parser = Name::parse)]
        name: Option<Name>,
        /// Make them an administrator
        #[arg(long)]
        admin: bool,
        /// Read the password from the standard input, to its end; one line break at the end does
        /// not count. Without it, the password is asked for at the terminal
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a person who has forgotten theirs another password; all their sessions end
    ///
    /// The password must fit the policy. Works beside a running server. Exits with 1 when there is no
    /// such user, or the password is refused.
    SetPassword {
        /// The address that they sign in with, or their id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
        /// Read the password from the standard input, to its end; one line break at the end does
        /// not count. Without it, the password is asked for at the terminal
        #[arg(long)]
        password_stdin: bool,
    },
    /// Say what somebody may do; it holds from their next request on
    ///
    /// The last administrator stays one. Exits with 1 when that is refused, or there is no such user.
    SetRole {
        /// The address that they sign in with, or their id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
        /// user or admin
        #[arg(value_parser = str::parse::<Role>)]
        role: Role,
    },
    /// Sign somebody out everywhere and keep them from signing in, and wait until it is so
    ///
    /// Their account stays as it is: see reactivate. Somebody who is deactivated already stays so.
    /// Beside a running server it hands the command in and waits; without one it does the work itself.
    /// Exits with 1 when there is no such user.
    Deactivate {
        /// The address that they sign in with, or their id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
    },
    /// Let somebody who was deactivated sign in again, with the same password
    ///
    /// Whoever is active already stays so. Beside a running server it hands the command in and waits;
    /// without one it does the work itself. Exits with 1 when there is no such user.
    Reactivate {
        /// The address that they sign in with, or their id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
    },
    /// Show a person: id, role, status, sessions and address
    ///
    /// Exits with 1 when there is no such user.
    Show {
        /// The address that they sign in with, or their id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
    },
    /// List users by address: id, role, status, sessions and address
    List {
        /// Only those with this role: user or admin
        #[arg(long, value_parser = str::parse::<Role>)]
        role: Option<Role>,
        /// Only those after this address: the last one of the page before
        #[arg(long, default_value = "", hide_default_value = true)]
        after: String,
        /// How many at most
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
}

/// # Errors
/// When it is refused, or the database cannot be used.
pub(crate) async fn run(settings: &Settings, command: UsersArgs, json: bool) -> anyhow::Result<()> {
    match command {
        UsersArgs::Create { email, name, admin, password_stdin } => {
            let new_user = NewUser { email, name, password: password(password_stdin)? };
            let role = if admin { Role::Admin } else { Role::User };
            tell(&create(settings, &new_user, role).await?, json)
        }
        UsersArgs::Deactivate { user } => tell(&activation::set(settings, &user, Activation::Deactivated).await?, json),
        UsersArgs::Reactivate { user } => tell(&activation::set(settings, &user, Activation::Active).await?, json),
        UsersArgs::SetPassword { user, password_stdin } => {
            let db = beside(settings).await?;
            let done = set_password(&db, settings, &user, password_stdin).await;
            db.close().await;
            tell(&done?, json)
        }
        UsersArgs::SetRole { user, role } => {
            let db = beside(settings).await?;
            let done = set_role(&db, &user, role).await;
            db.close().await;
            tell(&done?, json)
        }
        UsersArgs::Show { user } => {
            let db = open_read_only(settings).await?;
            let found = user.find(&db).await;
            db.close().await;
            tell(&found?, json)
        }
        UsersArgs::List { role, after, limit } => {
            let db = open_read_only(settings).await?;
            let found = get_accounts::page(&db, &after.to_ascii_lowercase(), role, limit).await;
            db.close().await;
            list(&found?, json)
        }
    }
}

async fn set_role(db: &Db, user: &UserRef, role: Role) -> anyhow::Result<AccountView> {
    let account = user.find(db).await?;
    give_role(db, UserId::new(account.id), role).await?;
    Ok(AccountView { role: role.as_str().to_owned(), ..account })
}

async fn set_password(db: &Db, settings: &Settings, user: &UserRef, stdin: bool) -> anyhow::Result<AccountView> {
    let account = user.find(db).await?;
    let email = Email::parse(&account.email).context("the stored address is malformed")?;
    let password = password(stdin)?;
    let flaws = password_policy(&settings.tokens).flaws(&password, Some(&email), None);
    if !flaws.is_empty() {
        return Err(weak(flaws.iter().map(ToString::to_string)));
    }
    let pool = Arc::new(HashPool::start(1).context("the hashing thread cannot be started")?);
    let credentials = SqlCredentials::new(db.clone(), pool, settings.bcrypt_cost);
    let new = credentials.hash(&password).await.map_err(|why| anyhow!("{why}"))?;
    let set = SetPassword { by: Authority::operator(), user: UserId::new(account.id), new };
    run_in_transaction(db, set).await.map_err(|why| anyhow!("{why}"))?;
    user.find(db).await
}

fn weak(flaws: impl Iterator<Item = String>) -> anyhow::Error {
    refused(format!("the password {}", flaws.collect::<Vec<_>>().join(", and ")))
}

fn list(found: &[AccountView], json: bool) -> anyhow::Result<()> {
    if json {
        return print(&json!(found).to_string());
    }
    let rows: Vec<_> = found.iter().map(row).collect();
    print_table(["ID", "ROLE", "STATUS", "SESSIONS", "EMAIL"], &rows)
}

fn row(it: &AccountView) -> [String; 5] {
    [it.id.to_string(), it.role.clone(), it.status.as_str().to_owned(), it.sessions.to_string(), it.email.clone()]
}

fn tell(it: &AccountView, json: bool) -> anyhow::Result<()> {
    if json { print(&json!(it).to_string()) } else { list(std::slice::from_ref(it), false) }
}

/// From the standard input, or asked for at the terminal, twice. It is never shown.
fn password(stdin: bool) -> anyhow::Result<Secret> {
    if stdin {
        return password_from_stdin();
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password at: add --password-stdin, and give it there");
    }
    let first = prompt::ask_hidden("Password: ", LONGEST)?;
    let second = prompt::ask_hidden("The same again: ", LONGEST)?;
    if first.expose() != second.expose() {
        return Err(refused("these are two different passwords"));
    }
    Ok(first)
}

/// From the standard input. It is never shown.
fn password_from_stdin() -> anyhow::Result<Secret> {
    // Room for all of it at once: a buffer that grows leaves copies behind that are not wiped.
    let mut text = String::with_capacity(LONGEST + 1);
    let limit = u64::try_from(LONGEST)? + 1;
    std::io::stdin().take(limit).read_to_string(&mut text).context("the password cannot be read as UTF-8")?;
    if text.len() > LONGEST {
        return Err(refused("the password is too long"));
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(Secret::new(text))
}

async fn create(settings: &Settings, new_user: &NewUser, role: Role) -> anyhow::Result<AccountView> {
    let done = operator_command::run(settings, Installation::MadeIfMissing, async |operator, pending, patience| {
        let outcome = match pending {
            None => operator.register(new_user, None, patience).await?,
            Some(id) => operator.outcome(id, false, patience).await?,
        };
        finish(&operator.db, new_user, outcome, role).await
    });
    match done.await? {
        OperatorCommand::Done(account) => Ok(account),
        OperatorCommand::Pending(id) => {
            bail!("nobody has done it yet; it will be done, without a role: see `roster commands show {id}`")
        }
    }
}

async fn finish(
    db: &Db,
    new_user: &NewUser,
    outcome: Registered,
    role: Role,
) -> anyhow::Result<OperatorCommand<AccountView>> {
    let user = match outcome {
        Registered::Done { user, .. } => user,
        Registered::Weak(flaws) => return Err(weak(flaws.into_iter())),
        Registered::Taken => {
            return Err(refused(
                "this address is registered already: see `roster users set-role` for what they may do",
            ));
        }
        Registered::Failed(id) => bail!("the registration failed: see `roster commands show {id}`"),
        Registered::Pending(id) => return Ok(OperatorCommand::Pending(id)),
    };
    if role != Role::User {
        give_role(db, user, role).await?;
    }
    let found = get_accounts::find(db, &new_user.email).await?;
    found.map(OperatorCommand::Done).with_context(|| format!("{user} is registered, and has another address by now"))
}

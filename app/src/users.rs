//! `roster users`

use crate::activation::{self, Activation, UserRef};
use crate::operator_command::{self, Installation, OperatorCommand};
use crate::operator_commands::{NewUser, Registered, give_role};
use crate::output::{print, print_table, refused};
use crate::password_services::password_policy;
use crate::prompt;
use crate::serve::{beside, open_read_only};
use crate::settings::Settings;
use anyhow::{Context as _, anyhow, bail};
use auth_application::{Authority, Credentials as _, SetPassword};
use auth_domain::Role;
use auth_infrastructure::queries::get_accounts::{self, AccountView};
use auth_infrastructure::{HashPool, SqlCredentials, run_in_transaction};
use clap::Subcommand;
use identity::{Email, UserId};
use kernel::Secret;
use persistence::Db;
use serde_json::json;
use std::io::{IsTerminal as _, Read as _};
use std::sync::Arc;
use users_domain::Name;

/// The most bytes read as a password; the policy allows fewer.
const LONGEST: usize = 4_096;

/// The subcommands of `roster users`.
#[derive(Subcommand)]
pub(crate) enum UsersArgs {
    /// Register a user, and wait until they can sign in
    ///
    /// A running server executes the registration; without one this process does. The password must
    /// fit the policy. Exits with 1 when the address is taken or the password is refused.
    Create {
        /// The email address for signing in
        #[arg(value_parser = Email::parse)]
        email: Email,
        /// The user's name
        #[arg(long, value_parser = Name::parse)]
        name: Option<Name>,
        /// Make the user an administrator
        #[arg(long)]
        admin: bool,
        /// Read the password from the standard input; one line break at its end is dropped. Without
        /// this option, roster asks for the password at the terminal
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a new password for a user who has forgotten theirs; all their sessions end
    ///
    /// The password must fit the policy. Works beside a running server. Exits with 1 when there is no
    /// such user, or the password is refused.
    SetPassword {
        /// The user's email address or id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
        /// Read the password from the standard input; one line break at its end is dropped. Without
        /// this option, roster asks for the password at the terminal
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a user's role, effective from their next request on
    ///
    /// Exits with 1 when this is the last administrator, or there is no such user.
    SetRole {
        /// The user's email address or id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
        /// user or admin
        #[arg(value_parser = str::parse::<Role>)]
        role: Role,
    },
    /// Deactivate a user: end all their sessions and keep them from signing in
    ///
    /// Waits until it is done. The account is kept: see reactivate. A user who is deactivated already
    /// stays deactivated. A running server executes the command; without one this process does. Exits
    /// with 1 when there is no such user.
    Deactivate {
        /// The user's email address or id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
    },
    /// Let a deactivated user sign in again, with the same password
    ///
    /// Waits until it is done. A user who is active already stays active. A running server executes the
    /// command; without one this process does. Exits with 1 when there is no such user.
    Reactivate {
        /// The user's email address or id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
    },
    /// Show a user: id, role, status, number of sessions and address
    ///
    /// Exits with 1 when there is no such user.
    Show {
        /// The user's email address or id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
    },
    /// List users in the order of their addresses
    List {
        /// Show only users with this role: user or admin
        #[arg(long, value_parser = str::parse::<Role>)]
        role: Option<Role>,
        /// Show only users after this address, such as the last one of the previous page
        #[arg(long, default_value = "", hide_default_value = true)]
        after: String,
        /// Show at most this many users
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
}

/// Runs one subcommand of `roster users`.
///
/// # Errors
/// When it is refused, or the database cannot be used.
pub(crate) async fn run(settings: &Settings, command: UsersArgs, json: bool) -> anyhow::Result<()> {
    match command {
        UsersArgs::Create { email, name, admin, password_stdin } => {
            let new_user = NewUser { email, name, password: password(password_stdin)? };
            let role = if admin { Role::Admin } else { Role::User };
            show(&create(settings, &new_user, role).await?, json)
        }
        UsersArgs::Deactivate { user } => show(&activation::set(settings, &user, Activation::Deactivated).await?, json),
        UsersArgs::Reactivate { user } => show(&activation::set(settings, &user, Activation::Active).await?, json),
        UsersArgs::SetPassword { user, password_stdin } => {
            let db = beside(settings).await?;
            let done = set_password(&db, settings, &user, password_stdin).await;
            db.close().await;
            show(&done?, json)
        }
        UsersArgs::SetRole { user, role } => {
            let db = beside(settings).await?;
            let done = set_role(&db, &user, role).await;
            db.close().await;
            show(&done?, json)
        }
        UsersArgs::Show { user } => {
            let db = open_read_only(settings).await?;
            let found = user.find(&db).await;
            db.close().await;
            show(&found?, json)
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
    let email = Email::parse(&account.email).context("the stored email address is malformed")?;
    let password = password(stdin)?;
    let flaws = password_policy(&settings.service.tokens).flaws(&password, Some(&email), None);
    if !flaws.is_empty() {
        return Err(weak(flaws.iter().map(ToString::to_string)));
    }
    let pool = Arc::new(HashPool::start(1).context("the hashing thread cannot be started")?);
    let credentials = SqlCredentials::new(db.clone(), pool, settings.service.bcrypt_cost);
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

fn show(it: &AccountView, json: bool) -> anyhow::Result<()> {
    if json { print(&json!(it).to_string()) } else { list(std::slice::from_ref(it), false) }
}

/// Reads the password from the standard input, or asks for it twice at the terminal.
fn password(stdin: bool) -> anyhow::Result<Secret> {
    if stdin {
        return password_from_stdin();
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password: add --password-stdin, and give it on the standard input");
    }
    let first = prompt::ask_hidden("Password: ", LONGEST)?;
    let second = prompt::ask_hidden("Repeat password: ", LONGEST)?;
    if first.expose() != second.expose() {
        return Err(refused("the two passwords differ"));
    }
    Ok(first)
}

/// Reads the password from the standard input, to its end.
fn password_from_stdin() -> anyhow::Result<Secret> {
    // Allocate once: a buffer that grows leaves copies behind that are not wiped.
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
            bail!(
                "the registration is accepted and not finished yet: see `roster commands show {id}`; set the role \
                 afterwards"
            )
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
                "this address is registered already: change that user's role with `roster users set-role`",
            ));
        }
        Registered::Failed(id) => bail!("the registration failed: see `roster commands show {id}`"),
        Registered::Pending(id) => return Ok(OperatorCommand::Pending(id)),
    };
    if role != Role::User {
        give_role(db, user, role).await?;
    }
    let found = get_accounts::find(db, &new_user.email).await?;
    found.map(OperatorCommand::Done).with_context(|| format!("{user} is registered, but has another address by now"))
}

//! `roster users`

use crate::errand::{self, Errand};
use crate::output::{print, refused};
use crate::registrar::{Newcomer, Registered, give_role};
use crate::serve::beside;
use crate::settings::Settings;
use crate::standing::{self, Standing, Whom};
use anyhow::{Context as _, bail};
use auth_domain::Role;
use auth_infrastructure::queries::get_accounts::{self, AccountView};
use clap::Subcommand;
use kernel::{Email, Secret, UserId};
use persistence::Db;
use serde_json::json;
use std::io::Read as _;
use users_domain::Name;

/// Longer than any password, in bytes.
const LONGEST: usize = 4_096;

/// What an operator does with users.
#[derive(Subcommand)]
pub(crate) enum Users {
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
        /// not count. Needed: an argument could be seen by everybody on the machine
        #[arg(long)]
        password_stdin: bool,
    },
    /// Say what somebody may do; it holds from their next request on
    ///
    /// The last administrator stays one. Exits with 1 when that is refused, or nobody has the address.
    SetRole {
        /// The address that they sign in with
        #[arg(value_parser = Email::parse)]
        email: Email,
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
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<Whom>)]
        whom: Whom,
    },
    /// Let somebody who was deactivated sign in again, with the same password
    ///
    /// Whoever is active already stays so. Beside a running server it hands the command in and waits;
    /// without one it does the work itself. Exits with 1 when there is no such user.
    Reactivate {
        /// The address that they sign in with, or their id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<Whom>)]
        whom: Whom,
    },
    /// Show somebody: id, address, role, whether they are disabled, and their sessions
    ///
    /// Exits with 1 when nobody has the address.
    Show {
        /// The address that they sign in with
        #[arg(value_parser = Email::parse)]
        email: Email,
    },
    /// List users by address: id, address, role, whether they are disabled, and their sessions
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
pub(crate) async fn run(settings: &Settings, command: Users, json: bool) -> anyhow::Result<()> {
    match command {
        Users::Create { email, name, admin, password_stdin } => {
            if !password_stdin {
                bail!("the password is read from the standard input: add --password-stdin");
            }
            let newcomer = Newcomer { email, name, password: password()? };
            let role = if admin { Role::Admin } else { Role::User };
            tell(&create(settings, &newcomer, role).await?, json)
        }
        Users::Deactivate { whom } => tell(&standing::set(settings, &whom, Standing::Deactivated).await?, json),
        Users::Reactivate { whom } => tell(&standing::set(settings, &whom, Standing::Active).await?, json),
        Users::SetRole { email, role } => {
            let db = beside(settings).await?;
            let done = set_role(&db, &email, role).await;
            db.close().await;
            tell(&done?, json)
        }
        Users::Show { email } => {
            let db = beside(settings).await?;
            let found = find(&db, &email).await;
            db.close().await;
            tell(&found?, json)
        }
        Users::List { role, after, limit } => {
            let db = beside(settings).await?;
            let found = get_accounts::page(&db, &after.to_ascii_lowercase(), role, limit).await;
            db.close().await;
            list(&found?, json)
        }
    }
}

async fn set_role(db: &Db, email: &Email, role: Role) -> anyhow::Result<AccountView> {
    let account = find(db, email).await?;
    give_role(db, UserId::new(account.id), role).await?;
    Ok(AccountView { role: role.as_str().to_owned(), ..account })
}

fn list(found: &[AccountView], json: bool) -> anyhow::Result<()> {
    if json {
        return print(&json!(found).to_string());
    }
    found.iter().try_for_each(|account| tell(account, false))
}

async fn find(db: &Db, email: &Email) -> anyhow::Result<AccountView> {
    get_accounts::find(db, email).await?.ok_or_else(|| refused("nobody signs in with this address"))
}

fn tell(it: &AccountView, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&json!(it).to_string());
    }
    let disabled = if it.disabled { "  disabled" } else { "" };
    print(&format!("{}  {:<5}  {} sessions  {}{disabled}", it.id, it.role, it.sessions, it.email))
}

/// From the standard input. It is never shown.
fn password() -> anyhow::Result<Secret> {
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

async fn create(settings: &Settings, newcomer: &Newcomer, role: Role) -> anyhow::Result<AccountView> {
    let done = errand::run(settings, async |registrar, pending, patience| {
        let outcome = match pending {
            None => registrar.register(newcomer, None, patience).await?,
            Some(id) => registrar.outcome(id, false, patience).await?,
        };
        finish(&registrar.db, newcomer, outcome, role).await
    });
    match done.await? {
        Errand::Done(account) => Ok(account),
        Errand::Pending(id) => {
            bail!("nobody has done it yet; it will be done, without a role: see `roster commands show {id}`")
        }
    }
}

async fn finish(db: &Db, newcomer: &Newcomer, outcome: Registered, role: Role) -> anyhow::Result<Errand<AccountView>> {
    let user = match outcome {
        Registered::Done { user, .. } => user,
        Registered::Weak(flaws) => return Err(refused(format!("the password {}", flaws.join(", and ")))),
        Registered::Taken => {
            return Err(refused(
                "this address is registered already: see `roster users set-role` for what they may do",
            ));
        }
        Registered::Failed(id) => bail!("the registration failed: see `roster commands show {id}`"),
        Registered::Pending(id) => return Ok(Errand::Pending(id)),
    };
    if role != Role::User {
        give_role(db, user, role).await?;
    }
    let found = get_accounts::find(db, &newcomer.email).await?;
    found.map(Errand::Done).with_context(|| format!("{user} is registered, and has another address by now"))
}

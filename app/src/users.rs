//! `roster users`

use crate::compose::{Issuer, Plan, Role as Does, Roster};
use crate::output::{print, refused};
use crate::registrar::{Newcomer, Registered, give_role};
use crate::serve::{beside, keys, prepare_schema};
use crate::settings::Settings;
use anyhow::{Context as _, bail};
use auth_domain::Role;
use auth_infrastructure::queries::get_accounts::{self, AccountView};
use clap::Subcommand;
use kernel::{Email, MessageId, Secret, UserId};
use persistence::Db;
use serde_json::json;
use std::io::Read as _;
use std::time::Duration;
use tokio::time::Instant;
use users_domain::Name;

/// Longer than any password, in bytes.
const LONGEST: usize = 4_096;
/// For an outcome. The command stands whether or not somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// As long, beside whoever serves a SQLite file, before looking whether they still do.
const BESIDE: Duration = Duration::from_secs(3);

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
    if let Users::Create { email, name, admin, password_stdin } = command {
        if !password_stdin {
            bail!("the password is read from the standard input: add --password-stdin");
        }
        let newcomer = Newcomer { email, name, password: password()? };
        return create(settings, &newcomer, if admin { Role::Admin } else { Role::User }, json).await;
    }
    let db = beside(settings).await?;
    let done = execute(&db, command, json).await;
    db.close().await;
    done
}

async fn execute(db: &Db, command: Users, json: bool) -> anyhow::Result<()> {
    match command {
        Users::SetRole { email, role } => {
            let account = find(db, &email).await?;
            give_role(db, UserId::new(account.id), role).await?;
            tell(&AccountView { role: role.as_str().to_owned(), ..account }, json)
        }
        Users::Show { email } => tell(&find(db, &email).await?, json),
        Users::List { role, after, limit } => {
            let found = get_accounts::page(db, &after.to_ascii_lowercase(), role, limit).await?;
            if json {
                return print(&json!(found).to_string());
            }
            found.iter().try_for_each(|account| tell(account, false))
        }
        Users::Create { .. } => Ok(()),
    }
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

async fn create(settings: &Settings, newcomer: &Newcomer, role: Role, json: bool) -> anyhow::Result<()> {
    let give_up = Instant::now() + PATIENCE;
    let mut pending = None;
    loop {
        let (mut roster, works) = compose(settings).await?;
        let patience = if works { PATIENCE } else { BESIDE };
        let done = register(&mut roster, newcomer, pending, patience).await;
        if let Ok(Registered::Pending(id)) = done
            && Instant::now() < give_up
        {
            // Whoever served the file may have ended: then the work is ours.
            pending = Some(id);
            roster.stop().await;
            continue;
        }
        let account = match done {
            Ok(outcome) => finish(&roster.registrar().db, newcomer, outcome, role).await,
            Err(error) => Err(error),
        };
        roster.stop().await;
        return tell(&account?, json);
    }
}

/// A process for one command; and whether it works itself.
async fn compose(settings: &Settings) -> anyhow::Result<(Roster, bool)> {
    let (db, may_serve) = Db::open_or_beside(&settings.database).await?;
    prepare_schema(&db, settings.profile).await?;
    let keys = keys(settings)?;
    // Where only the public keys are, somebody else works.
    let works = may_serve && keys.opener().is_ok();
    let roster = Roster::compose(Plan {
        db,
        keys,
        role: if works { Does::All } else { Does::Api },
        broker: None,
        bcrypt_cost: settings.bcrypt_cost,
        tokens: Issuer::default(),
        max_delay: settings.max_delay,
        docs: false,
        limits: settings.limits,
        proxies: settings.proxies.clone(),
    })?;
    Ok((roster, works))
}

async fn register(
    roster: &mut Roster,
    newcomer: &Newcomer,
    pending: Option<MessageId>,
    patience: Duration,
) -> anyhow::Result<Registered> {
    roster.work().await.context("the ledger cannot be read")?;
    match pending {
        None => roster.registrar().register(newcomer, None, patience).await,
        Some(id) => roster.registrar().outcome(id, false, patience).await,
    }
}

async fn finish(db: &Db, newcomer: &Newcomer, outcome: Registered, role: Role) -> anyhow::Result<AccountView> {
    let user = match outcome {
        Registered::Done { user, .. } => user,
        Registered::Weak(flaws) => return Err(refused(format!("the password {}", flaws.join(", and ")))),
        Registered::Taken => {
            return Err(refused(
                "this address is registered already: see `roster users set-role` for what they may do",
            ));
        }
        Registered::Failed(id) => bail!("the registration failed: see `roster commands show {id}`"),
        Registered::Pending(id) => {
            bail!("nobody has done it yet; it will be done, without a role: see `roster commands show {id}`")
        }
    };
    if role != Role::User {
        give_role(db, user, role).await?;
    }
    let found = get_accounts::find(db, &newcomer.email).await?;
    found.with_context(|| format!("{user} is registered, and has another address by now"))
}

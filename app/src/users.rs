//! `roster users`

use crate::bulk::{self, Bulk};
use crate::export::{self, ExportArgs};
use crate::filter_args::{FilterArgs, require_index};
use crate::import::{self, ImportArgs};
use crate::operator_command::{self, Installation, OperatorCommand};
use crate::operator_commands::{NewUser, Registered, give_role};
use crate::output::{print, print_table, refused};
use crate::password_services::password_policy;
use crate::prompt::{self, confirm};
use crate::serve::{beside, open_read_only};
use crate::settings::Settings;
use crate::user_change::{self, UserChange, UserRef};
use anyhow::{Context as _, anyhow, bail};
use auth_application::{Authority, Credentials as _, Notice, ResetFactors, SetPassword};
use auth_domain::{ResetReason, Role};
use auth_infrastructure::queries::get_accounts::{self, AccountView};
use auth_infrastructure::{HashPool, SqlCredentials, run_in_transaction};
use clap::Subcommand;
use identity::{Email, UserId};
use kernel::Secret;
use ledger::dead_letters;
use mail_infrastructure::MailServer;
use persistence::Db;
use serde_json::json;
use std::io::{IsTerminal as _, Read as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use use_case::Message as _;
use users_application::RoleChanged;
use users_domain::{ErasureReason, Name, UserFilter};
use users_infrastructure::queries::list_users::{ListedUser, list_users};
use uuid::Uuid;

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
    /// Remove all second factors of a user who has lost them; all their sessions end
    ///
    /// The user then signs in with the password alone, so make sure who they are: an administrator's reset
    /// by the API needs a mail round trip, and this does not. Works beside a running server. Exits with 1
    /// when there is no such user.
    ResetFactors {
        /// The user's email address or id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
        /// Why, for the audit log; do not name the user
        #[arg(long, value_parser = ResetReason::parse)]
        reason: ResetReason,
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
    /// Change a user's name or email address
    ///
    /// Waits until it is done. A running server executes the command; without one this process does.
    /// Exits with 1 when another user has the address, or there is no such user.
    #[command(group = clap::ArgGroup::new("changes").required(true).multiple(true))]
    Update {
        /// The user's email address or id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>)]
        user: UserRef,
        /// The new name
        #[arg(long, value_parser = Name::parse, group = "changes")]
        name: Option<Name>,
        /// Remove the name
        #[arg(long, conflicts_with = "name", group = "changes")]
        no_name: bool,
        /// The new email address; the user signs in with it from then on
        #[arg(long, value_parser = Email::parse, group = "changes")]
        email: Option<Email>,
    },
    /// Deactivate a user: end all their sessions and keep them from signing in
    ///
    /// Waits until it is done. The account is kept: see reactivate. A user who is deactivated already
    /// stays deactivated. With filters, deactivates all users that match; it then asks for a confirmation
    /// at a terminal, and needs --force elsewhere. A running server executes the command; without one this process does. Exits
    /// with 1 when there is no such user.
    Deactivate {
        /// The user's email address or id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>, conflicts_with = "filters", required_unless_present = "filters")]
        user: Option<UserRef>,
        #[command(flatten)]
        filters: FilterArgs,
        /// Do not ask before all users that match are deactivated
        #[arg(long)]
        force: bool,
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
    /// Erase a user: delete the account and everything that Roster holds on the user
    ///
    /// With filters, erases all users that match.
    ///
    /// Asks for a confirmation at a terminal, and needs --force elsewhere. The audit log keeps what was
    /// done, without the user's network addresses. A running server executes the command; without one
    /// this process does. Exits with 1 when there is no such user, or this is the last administrator.
    Erase {
        /// The user's email address or id
        #[arg(value_name = "EMAIL|ID", value_parser = str::parse::<UserRef>, conflicts_with = "filters", required_unless_present = "filters")]
        user: Option<UserRef>,
        #[command(flatten)]
        filters: FilterArgs,
        /// Why, for the audit log; do not name the user
        #[arg(long, value_parser = ErasureReason::parse)]
        reason: ErasureReason,
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
    /// Move users in from a file of another system
    ///
    /// Each user signs in with the password that they had there. The command returns when every row is
    /// handled, shows its progress at a terminal, and exits with 1 when a row has an error. A row whose
    /// `ref` was imported before changes nothing, so a file can be imported again. Ctrl-C cancels it. If
    /// this process ends, a server goes on.
    Import(ImportArgs),
    /// Write users as one JSON object a line, in the form that `import` takes
    ///
    /// Works beside a running server. Hashes of passwords are left out unless asked for.
    Export(ExportArgs),
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
        #[command(flatten)]
        filters: FilterArgs,
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
        UsersArgs::Update { user, name, no_name, email } => {
            let name = if no_name { Some(None) } else { name.map(Some) };
            change(settings, &user, &UserChange::Update { name, email }, json).await
        }
        UsersArgs::Deactivate { user: Some(user), .. } => change(settings, &user, &UserChange::Deactivate, json).await,
        UsersArgs::Deactivate { user: None, filters, force } => {
            bulk::run(settings, filters.filter()?, Bulk::Deactivate, force, json).await
        }
        UsersArgs::Reactivate { user } => change(settings, &user, &UserChange::Reactivate, json).await,
        UsersArgs::Erase { user: Some(user), reason, force, .. } => erase(settings, &user, reason, force, json).await,
        UsersArgs::Erase { user: None, filters, reason, force } => {
            bulk::run(settings, filters.filter()?, Bulk::Erase(reason), force, json).await
        }
        UsersArgs::SetPassword { user, password_stdin } => {
            let db = beside(settings).await?;
            let done = set_password(&db, settings, &user, password_stdin).await;
            db.close().await;
            show(&done?, json)
        }
        UsersArgs::ResetFactors { user, reason } => {
            let db = beside(settings).await?;
            let done = reset_factors(&db, settings, &user, reason).await;
            db.close().await;
            show(&done?, json)
        }
        UsersArgs::SetRole { user, role } => {
            let db = beside(settings).await?;
            let done = set_role(&db, &user, role).await;
            db.close().await;
            show(&done?, json)
        }
        UsersArgs::Import(arguments) => import::run(settings, arguments, json).await,
        UsersArgs::Show { user } => {
            let db = open_read_only(settings).await?;
            let found = user.find(&db).await;
            db.close().await;
            show(&found?, json)
        }
        UsersArgs::List { filters, after, limit } => {
            let filter = filters.filter()?;
            let db = open_read_only(settings).await?;
            require_index(&db, &filter).await?;
            let found = page(&db, &filter, &after.to_ascii_lowercase(), limit).await;
            db.close().await;
            print_users(&found?, json)
        }
        UsersArgs::Export(arguments) => export::run(settings, arguments).await,
    }
}

async fn change(settings: &Settings, user: &UserRef, change: &UserChange, json: bool) -> anyhow::Result<()> {
    match user_change::apply(settings, user, change).await? {
        Some(account) => show(&account, json),
        None => Ok(()),
    }
}

async fn erase(
    settings: &Settings,
    user: &UserRef,
    reason: ErasureReason,
    force: bool,
    json: bool,
) -> anyhow::Result<()> {
    let db = open_read_only(settings).await?;
    let found = user.find(&db).await;
    db.close().await;
    let AccountView { id, email, .. } = found?;
    if !force {
        confirm(&format!("this erases {email} (id {id}) and everything that Roster holds on the user, for good"))?;
    }
    // By id: the address may belong to another user by now.
    user_change::apply(settings, &UserRef::Id(UserId::new(id)), &UserChange::Erase { reason }).await?;
    if json { print(&json!({ "id": id, "erased": true }).to_string()) } else { print(&format!("{id} is erased")) }
}

async fn set_role(db: &Db, user: &UserRef, role: Role) -> anyhow::Result<AccountView> {
    let account = user.find(db).await?;
    give_role(db, UserId::new(account.id), role).await?;
    await_lists(db, account.id).await?;
    Ok(AccountView { role: role.as_str().to_owned(), ..account })
}

/// Reads a page of users, with the roles that they have at this moment: the copy in `users` follows an event.
pub(crate) async fn page(db: &Db, filter: &UserFilter, after: &str, limit: i64) -> anyhow::Result<Vec<ListedUser>> {
    let mut users = list_users(db, filter, after, limit).await?;
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let mut roles = get_accounts::roles(db, &ids).await?;
    for user in &mut users {
        if let Some(role) = roles.remove(&user.id) {
            user.role = role;
        }
    }
    Ok(users)
}

/// Waits until filters of lists know a new role: they follow an event, which a server handles.
async fn await_lists(db: &Db, user: Uuid) -> anyhow::Result<()> {
    const PATIENCE: Duration = Duration::from_secs(1);
    const LOOK: Duration = Duration::from_millis(50);
    let give_up = Instant::now() + PATIENCE;
    while dead_letters::about(db, user).await?.iter().any(|message| message.name == RoleChanged::NAME) {
        // Without a server, the next one handles the event.
        if Instant::now() > give_up {
            break;
        }
        sleep(LOOK).await;
    }
    Ok(())
}

async fn set_password(db: &Db, settings: &Settings, user: &UserRef, stdin: bool) -> anyhow::Result<AccountView> {
    let account = user.find(db).await?;
    let email = Email::parse(&account.email).context("the stored email address is malformed")?;
    let password = password(stdin)?;
    let flaws = password_policy(&settings.service)?.flaws(&password, Some(&email), None);
    if !flaws.is_empty() {
        return Err(weak(flaws.iter().map(ToString::to_string)));
    }
    let pool = Arc::new(HashPool::start(1).context("the hashing thread cannot be started")?);
    let credentials = SqlCredentials::new(db.clone(), pool, settings.service.bcrypt_cost);
    let new = credentials.hash(&password).await.map_err(|why| anyhow!("{why}"))?;
    let notice = notice(settings);
    let set = SetPassword { by: Authority::operator(), user: UserId::new(account.id), new, notice };
    run_in_transaction(db, set).await.map_err(|why| anyhow!("{why}"))?;
    user.find(db).await
}

async fn reset_factors(
    db: &Db,
    settings: &Settings,
    user: &UserRef,
    reason: ResetReason,
) -> anyhow::Result<AccountView> {
    let account = user.find(db).await?;
    let (id, notice) = (UserId::new(account.id), notice(settings));
    let reset = ResetFactors { user: id, reason, link: None, by: Authority::operator(), notice };
    run_in_transaction(db, reset).await.map_err(|why| anyhow!("{why}"))?;
    user.find(db).await
}

/// How a user is told of a change; `None` while mail is off.
fn notice(settings: &Settings) -> Option<Notice> {
    let is_mail_on = !matches!(settings.service.mail.server, MailServer::Off);
    is_mail_on.then(Notice::default)
}

fn weak(flaws: impl Iterator<Item = String>) -> anyhow::Error {
    refused(format!("the password {}", flaws.collect::<Vec<_>>().join(", and ")))
}

fn print_users(found: &[ListedUser], json: bool) -> anyhow::Result<()> {
    if json {
        return print(&json!(found).to_string());
    }
    let row = |it: &ListedUser| {
        let name = it.name.clone().unwrap_or_default();
        [it.id.to_string(), it.role.clone(), it.status.to_owned(), it.created_at.to_string(), it.email.clone(), name]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    print_table(["ID", "ROLE", "STATUS", "CREATED", "EMAIL", "NAME"], &rows)
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

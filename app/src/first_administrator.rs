//! Creates the first administrator from the settings when the process starts.

use crate::operator_commands::{NewUser, OperatorCommands, Registered, give_role};
use crate::product::setting;
use auth_application::user_of_password;
use auth_domain::Role;
use auth_infrastructure::queries::get_accounts::{self, AccountStatus};
use identity::{Email, UserId};
use kernel::Secret;
use ledger::IdempotencyScope;
use std::time::Duration;
use tokio::time::sleep;

/// The pause before the next attempt when the database does not answer.
const AGAIN: Duration = Duration::from_secs(2);
/// How long to wait for the registration: other commands may be queued before it.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// The user that becomes the first administrator.
#[derive(Clone)]
pub struct FirstAdministrator {
    /// `ROSTER_ADMIN_EMAIL`
    pub email: Email,
    /// `ROSTER_ADMIN_PASSWORD`
    pub password: Secret,
}

/// The outcome of an attempt.
enum Done {
    Nothing,
    Made(UserId),
    /// The settings cannot be used, for this reason.
    Refused(String),
}

/// Registers the first administrator when there is none, and logs the outcome. It tries again while the database does
/// not answer.
pub(crate) async fn ensure(operator: OperatorCommands, who: FirstAdministrator) {
    loop {
        match make(&operator, &who).await {
            Ok(Done::Nothing) => return,
            Ok(Done::Made(user)) => {
                tracing::info!(%user, "the user of {} is the first administrator", setting!("ADMIN_EMAIL"));
                return;
            }
            Ok(Done::Refused(why)) => {
                tracing::warn!(%why, "there is no administrator, and {} cannot become one", setting!("ADMIN_EMAIL"));
                return;
            }
            Err(_) if operator.ledger.is_stopping() => return,
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the first administrator cannot be made yet: trying again"
                );
                sleep(AGAIN).await;
            }
        }
    }
}

async fn make(operator: &OperatorCommands, who: &FirstAdministrator) -> anyhow::Result<Done> {
    if get_accounts::has_administrator(&operator.db).await? {
        return Ok(Done::Nothing);
    }
    let new_user = NewUser { email: who.email.clone(), name: None, password: who.password.clone() };
    // Nodes that start at the same time share one command. The fingerprint must contain nothing of the password.
    let key = who.email.canonical().to_owned();
    let once = IdempotencyScope { route: "roster.first_administrator", key, fingerprint: String::new() };
    let user = match operator.register(&new_user, Some(once), PATIENCE).await? {
        Registered::Done { user, earlier: false } => user,
        Registered::Done { earlier: true, .. } | Registered::Taken => match owner(operator, who).await? {
            Ok(user) => user,
            Err(refusal) => return Ok(refusal),
        },
        Registered::Weak(flaws) => {
            return Ok(Done::Refused(format!("{} {}", setting!("ADMIN_PASSWORD"), flaws.join(", and "))));
        }
        Registered::Failed(id) => {
            return Ok(Done::Refused(format!("the registration failed: see `roster commands show {id}`")));
        }
        Registered::Pending(_) => return Ok(Done::Nothing),
    };
    // Another node may have been first, and has logged the outcome then.
    if get_accounts::has_administrator(&operator.db).await? {
        return Ok(Done::Nothing);
    }
    give_role(&operator.db, user, Role::Admin).await?;
    Ok(Done::Made(user))
}

/// The user who has the address already, if the password fits. The check keeps a stranger who registered the address
/// first from becoming an administrator.
async fn owner(operator: &OperatorCommands, who: &FirstAdministrator) -> anyhow::Result<Result<UserId, Done>> {
    let verified = user_of_password(&*operator.credentials, &who.email, &who.password).await;
    let Some(user) = verified.map_err(|why| anyhow::anyhow!("{why}"))? else {
        return Ok(Err(Done::Refused("the address is registered already, with another password".to_owned())));
    };
    match get_accounts::find(&operator.db, &who.email).await? {
        Some(account) if account.status == AccountStatus::Deactivated => {
            Ok(Err(Done::Refused("the address is registered already, and its user is deactivated".to_owned())))
        }
        _ => Ok(Ok(user)),
    }
}

//! The first administrator of an installation, from the settings, while it begins to serve.

use crate::operator_commands::{NewUser, OperatorCommands, Registered, give_role};
use auth_application::user_of_password;
use auth_domain::Role;
use auth_infrastructure::queries::get_accounts::{self, AccountStatus};
use kernel::{Email, Secret, UserId};
use ledger::IdempotencyScope;
use std::time::Duration;
use tokio::time::sleep;

/// Until it is tried again when something does not answer.
const AGAIN: Duration = Duration::from_secs(2);
/// For a registration: others may wait in front of it.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Who is to be the first administrator.
#[derive(Clone)]
pub struct FirstAdministrator {
    /// `ROSTER_ADMIN_EMAIL`
    pub email: Email,
    /// `ROSTER_ADMIN_PASSWORD`
    pub password: Secret,
}

/// What there was to do.
enum Done {
    Nothing,
    Made(UserId),
    /// The settings do not do; why.
    Refused(String),
}

/// Registers the first administrator when there is none. Says what came of it in one line of the log.
pub(crate) async fn ensure(operator: OperatorCommands, who: FirstAdministrator) {
    loop {
        match make(&operator, &who).await {
            Ok(Done::Nothing) => return,
            Ok(Done::Made(user)) => {
                tracing::info!(%user, "the person of ROSTER_ADMIN_EMAIL is the first administrator");
                return;
            }
            Ok(Done::Refused(why)) => {
                tracing::warn!(%why, "there is no administrator yet, and ROSTER_ADMIN_EMAIL does not make one");
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
    // Nodes that start at once share one command. Nothing of the password may be in the fingerprint.
    let key = who.email.canonical().to_owned();
    let once = IdempotencyScope { route: "roster.first_administrator", key, fingerprint: String::new() };
    let user = match operator.register(&new_user, Some(once), PATIENCE).await? {
        Registered::Done { user, earlier: false } => user,
        Registered::Done { earlier: true, .. } | Registered::Taken => match owner(operator, who).await? {
            Ok(user) => user,
            Err(refusal) => return Ok(refusal),
        },
        Registered::Weak(flaws) => {
            return Ok(Done::Refused(format!("the password of ROSTER_ADMIN_PASSWORD {}", flaws.join(", and "))));
        }
        Registered::Failed(id) => {
            return Ok(Done::Refused(format!("its registration failed: see `roster commands show {id}`")));
        }
        Registered::Pending(_) => return Ok(Done::Nothing),
    };
    // Another node may have been first: then it has said so, too.
    if get_accounts::has_administrator(&operator.db).await? {
        return Ok(Done::Nothing);
    }
    give_role(&operator.db, user, Role::Admin).await?;
    Ok(Done::Made(user))
}

/// Somebody has the address already. The role is theirs only if the password is: whoever registers
/// first must not become an administrator by it.
async fn owner(operator: &OperatorCommands, who: &FirstAdministrator) -> anyhow::Result<Result<UserId, Done>> {
    let verified = user_of_password(&*operator.credentials, &who.email, &who.password).await;
    let Some(user) = verified.map_err(|why| anyhow::anyhow!("{why}"))? else {
        return Ok(Err(Done::Refused("the address is registered already, with another password".to_owned())));
    };
    match get_accounts::find(&operator.db, &who.email).await? {
        Some(account) if account.status == AccountStatus::Deactivated => {
            Ok(Err(Done::Refused("the address is registered already, and its person is deactivated".to_owned())))
        }
        _ => Ok(Ok(user)),
    }
}

//! `roster users deactivate` and `roster users erase` with filters

use crate::filter_args::require_index;
use crate::import::watch;
use crate::operator_command::{self, Installation, OperatorCommand};
use crate::output::{print, refused};
use crate::prompt::confirm;
use crate::serve::open_read_only;
use crate::settings::Settings;
use kernel::MessageId;
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;
use users_application::{DeactivateUsers, EraseUsers};
use users_domain::{ErasureReason, UserFilter};
use users_infrastructure::job_store::{count_matching, create_job};

/// What happens to all users that match.
pub(crate) enum Bulk {
    Deactivate,
    Erase(ErasureReason),
}

/// Runs the job, and returns when every user is handled.
///
/// # Errors
/// Without a confirmation, when a user cannot be handled, or when the database cannot be used.
pub(crate) async fn run(
    settings: &Settings,
    filter: UserFilter,
    bulk: Bulk,
    force: bool,
    json: bool,
) -> anyhow::Result<()> {
    let (kind, verb) = match &bulk {
        Bulk::Deactivate => ("deactivate", "deactivates"),
        Bulk::Erase(_) => ("erase", "erases everything that Roster holds on"),
    };
    if !force {
        let db = open_read_only(settings).await?;
        require_index(&db, &filter).await?;
        let count = count_matching(&db, &filter).await;
        db.close().await;
        confirm(&format!("this {verb} all users that match, {} by now", count?))?;
    }
    let job = operator_command::run_to_the_end(settings, Installation::Needed, async |operator, pending, patience| {
        let id = match pending {
            Some(id) => id,
            None => {
                require_index(&operator.db, &filter).await?;
                let (job, filter) = (create_job(&operator.db, kind, &filter, None).await?, filter.clone());
                let id = MessageId::new(job.as_uuid());
                let (by, client) = (None, None);
                match &bulk {
                    Bulk::Deactivate => {
                        let command = DeactivateUsers { job, filter, by, client };
                        operator.command(id, &command, Duration::ZERO).await?;
                    }
                    Bulk::Erase(reason) => {
                        let command = EraseUsers { job, filter, reason: reason.clone(), by, client };
                        operator.command(id, &command, Duration::ZERO).await?;
                    }
                }
                id
            }
        };
        match timeout(patience, watch(operator, id)).await {
            Ok(done) => done.map(OperatorCommand::Done),
            Err(_) => Ok(OperatorCommand::Pending(id)),
        }
    });
    let job = job.await?;
    let done = job.done - job.errors;
    if json {
        print(&json!({ "done": done, "errors": job.errors, "cancelled": job.status == "cancelled" }).to_string())?;
    } else {
        print(&format!("{done} users, {} with errors", job.errors))?;
    }
    if job.errors > 0 { Err(refused(format!("{} users could not be handled", job.errors))) } else { Ok(()) }
}

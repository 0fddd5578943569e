//! An administrator erases all users that match a filter, some in each step.

use crate::{EraseUser, JobStep, Users};
use identity::{JobId, UserId};
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext, Lane};
use users_domain::{ErasureReason, OwnAccount, UserFilter};

/// A command: erase the users that match.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EraseUsers {
    pub job: JobId,
    pub filter: UserFilter,
    pub reason: ErasureReason,
    /// The administrator who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
}

use_case::command!(EraseUsers, "users.erase_users.v1", about: job);

impl Handle<dyn Users> for EraseUsers {
    /// Other commands do not wait for the steps.
    const LANE: Lane = Lane::Slow;

    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { job, filter, reason, by, client } = self;
        let Some(users) = ctx.store.next_matching(job, &filter).await? else {
            ctx.store.finish(job).await?;
            return Ok(());
        };
        let mut step = JobStep::default();
        for id in users {
            let done = if by == Some(id) {
                // Administrators erase themselves by their password alone.
                Err(OwnAccount.into())
            } else {
                let (client, reason) = (client.clone(), Some(reason.clone()));
                EraseUser { id, by, client, reason }.erase(&mut ctx).await
            };
            step.count(done)?;
        }
        ctx.store.advance(job, &step).await?;
        ctx.continue_later();
        Ok(())
    }
}

//! An administrator deactivates all users that match a filter, some in each step.

use crate::{DeactivateUser, JobStep, Users};
use identity::{JobId, UserId};
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext, Lane};
use users_domain::UserFilter;

/// A command: deactivate the users that match.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeactivateUsers {
    pub job: JobId,
    pub filter: UserFilter,
    /// The administrator who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
}

use_case::command!(DeactivateUsers, "users.deactivate_users.v1", about: job);

impl Handle<dyn Users> for DeactivateUsers {
    /// Other commands do not wait for the steps.
    const LANE: Lane = Lane::Slow;

    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { job, filter, by, client } = self;
        let Some(users) = ctx.store.next_matching(job, &filter).await? else {
            ctx.store.finish(job).await?;
            return Ok(());
        };
        let mut step = JobStep::default();
        for id in users {
            let command = DeactivateUser { id, by, client: client.clone() };
            step.count(command.deactivate(&mut ctx).await)?;
        }
        ctx.store.advance(job, &step).await?;
        ctx.continue_later();
        Ok(())
    }
}

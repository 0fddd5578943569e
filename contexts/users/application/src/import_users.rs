//! An administrator moves users in from another system, a few hundred rows in each step.

use crate::{ImportOutcome, JobStep, Users};
use contracts::{ImportAccounts, ImportedAccount};
use identity::{JobId, UserId};
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use use_case::{CommandFailure, Handle, HandlerContext, Lane};
use users_domain::{ImportedUser, RowError, RowFlaw};

/// A command: import the rows that are stored for a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportUsers {
    pub job: JobId,
    /// The administrator who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
}

use_case::command!(ImportUsers, "users.import_users.v1", about: job);

impl Handle<dyn Users> for ImportUsers {
    /// Other commands do not wait for the steps.
    const LANE: Lane = Lane::Slow;

    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { job, by, client } = self;
        let Some(rows) = ctx.store.take_rows(job).await? else {
            ctx.store.finish(job).await?;
            return Ok(());
        };
        let mut step = JobStep { done: rows.len(), errors: Vec::new() };
        let mut references = HashSet::new();
        let (rows, repeated): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| {
            row.reference.as_ref().is_none_or(|reference| references.insert(reference.as_str().to_owned()))
        });
        step.errors.extend(repeated.iter().map(|row| RowError::new(row.line, &RowFlaw::RepeatedRef)));
        let mut accounts = Vec::new();
        for (row, outcome) in rows.iter().zip(ctx.store.import(&rows).await?) {
            match outcome {
                ImportOutcome::Added => accounts.push(account(row)),
                ImportOutcome::AlreadyImported => {}
                ImportOutcome::Taken(why) => step.errors.push(RowError::new(row.line, &why)),
            }
        }
        ctx.store.advance(job, &step).await?;
        if !accounts.is_empty() {
            ctx.send(&ImportAccounts { job, accounts, by, client });
        }
        ctx.continue_later();
        Ok(())
    }
}

/// What the context that signs users in needs of an imported user.
fn account(user: &ImportedUser) -> ImportedAccount {
    let ImportedUser { id, email, email_verified, deactivated_at, role, password_hash, totp_secret, .. } = user;
    ImportedAccount {
        user_id: *id,
        email: email.clone(),
        role: role.as_str().to_owned(),
        disabled_at: *deactivated_at,
        email_verified: *email_verified,
        password_hash: password_hash.clone(),
        totp_secret: totp_secret.clone(),
    }
}

//! Users were moved in from another system: they can sign in with the password that they had there.

use crate::{Action, AuditEvent, Auth};
use auth_domain::ImportedHash;
use contracts::WrapDigest;
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::{ImportAccounts, ImportedAccount};

impl Handle<dyn Auth, FollowUpFailure> for ImportAccounts {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        let Self { job: _, mut accounts, by, client } = self;
        let digests: Vec<_> = accounts.iter_mut().filter_map(take_digest).collect();
        ctx.store.import(&accounts).await?;
        ctx.store.record(AuditEvent::commanded(by, client, Action::ImportUsers, ctx.message.root)).await?;
        digests.iter().for_each(|digest| ctx.send(digest));
        Ok(())
    }
}

/// Takes a weak digest out of an account: it is never stored as it is.
fn take_digest(account: &mut ImportedAccount) -> Option<WrapDigest> {
    let text = account.password_hash.take()?;
    if matches!(ImportedHash::parse(&text), Ok(ImportedHash::Weak(_))) {
        return Some(WrapDigest { user_id: account.user_id, digest: text });
    }
    account.password_hash = Some(text);
    None
}

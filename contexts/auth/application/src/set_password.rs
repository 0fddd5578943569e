//! An operator gives somebody another password: all their sessions end, since whoever had the old one may be in them.

use crate::{Action, Actor, AuditEvent, Auth, Client, Ending, Immediate};
use auth_domain::PasswordHash;
use kernel::UserId;
use use_case::Unavailable;

/// After the new password was found good.
#[derive(Clone)]
pub struct SetPassword {
    /// Who gives it.
    pub actor: Actor,
    /// Whose.
    pub user: UserId,
    /// The hash of the new one.
    pub new: PasswordHash,
    /// From where.
    pub client: Client,
}

impl Immediate for SetPassword {
    type Outcome = ();

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let Self { actor, user, new, client } = self;
        store.set_credential(user, &new).await?;
        store.end_others(user, None, Ending::PasswordChanged).await?;
        store.record(AuditEvent::by(actor, Action::ChangePassword, client).on(user)).await
    }
}

//! An administrator reactivates a user, who can sign in again, with the same password.

use crate::Users;
use contracts::UserReactivated;
use kernel::{Client, UserId};
use serde::{Deserialize, Serialize};
use use_case::{Cx, Failure, Handle, Message};
use users_domain::NoSuchUser;

/// The command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReactivateUser {
    /// Whom.
    pub id: UserId,
    /// The administrator who says so; none when it is an operator.
    pub by: Option<UserId>,
    /// From where; none when it is an operator, or was accepted by an earlier version, which did not say.
    pub client: Option<Client>,
}

impl Message for ReactivateUser {
    const NAME: &'static str = "users.reactivate_user.v1";
    type Failure = Failure;
    fn subject(&self) -> uuid::Uuid {
        self.id.as_uuid()
    }
}

impl Handle<dyn Users> for ReactivateUser {
    async fn handle(self, mut cx: Cx<'_, dyn Users>) -> Result<(), Failure> {
        let reactivated_at = cx.message.accepted_at;
        let mut user = cx.store.load(self.id).await?.ok_or(NoSuchUser)?;
        if user.reactivate() {
            cx.store.save(&user).await?;
        }
        // Also when they were already: this command, too, succeeds only when everybody has heard of it.
        let Self { by, client, .. } = self;
        cx.publish(&UserReactivated { user_id: user.id, version: user.version, reactivated_at, by, client });
        Ok(())
    }
}

//! A user, or an administrator, changes the user's name or email address.

use crate::Users;
use contracts::UserEmailChanged;
use identity::{Email, UserId};
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::{Name, NoSuchUser};

/// A command: change a user. What is `None` stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateUser {
    pub id: UserId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<NameChange>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<Email>,
    /// The versions of the user that the sender knows. `None`: any version may be changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub known_versions: Option<Vec<i64>>,
    /// The person who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
}

/// What happens to a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameChange {
    Set(Name),
    Remove,
}

use_case::command!(UpdateUser, "users.update_user.v1", about: id);

impl Handle<dyn Users> for UpdateUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, name, email, known_versions, by, client } = self;
        let mut user = ctx.store.load(id).await?.ok_or(NoSuchUser)?;
        if let Some(known) = known_versions {
            user.has_version(&known)?;
        }
        let old = user.state().email.clone();
        if user.update(name.map(NameChange::into_name), email) {
            ctx.store.save(&user).await?;
        }
        let email = user.state().email.clone();
        if email != old {
            let (version, changed_at) = (user.state().version, ctx.message.accepted_at);
            ctx.publish(&UserEmailChanged { user_id: id, version, email, changed_at, by, client });
        }
        Ok(())
    }
}

impl From<Option<Name>> for NameChange {
    fn from(name: Option<Name>) -> Self {
        name.map_or(Self::Remove, Self::Set)
    }
}

impl NameChange {
    fn into_name(self) -> Option<Name> {
        match self {
            Self::Set(name) => Some(name),
            Self::Remove => None,
        }
    }
}

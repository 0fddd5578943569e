//! An administrator sets the role of a user. The last administrator cannot lose the role.

use crate::{Action, AuditEvent, Auth, Authority, UseCase};
use auth_domain::{LastAdministrator, Role};
use contracts::RoleChanged;
use identity::UserId;
use kernel::DomainError as _;
use use_case::{Outgoing, Unavailable};

/// A use case: set the role of a user.
#[derive(Clone)]
pub struct SetRole {
    pub by: Authority,
    pub user: UserId,
    pub role: Role,
}

impl UseCase for SetRole {
    /// `None` if there is no such user.
    type Outcome = Option<Result<(), LastAdministrator>>;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let mut administrators = store.administrators().await?;
        let allowed = if self.role == Role::Admin { Ok(()) } else { administrators.let_go(self.user) };
        let outcome = match allowed {
            Ok(()) => match store.set_role(self.user, self.role).await? {
                Some(version) => {
                    store.post(role_changed(self.user, version, self.role), self.by.actor()).await?;
                    Some(Ok(()))
                }
                None => None,
            },
            Err(why) => Some(Err(why)),
        };
        let event = AuditEvent::by(self.by.actor(), Action::SetRole, self.by.client);
        let event = event.on(self.user).about(self.role.as_str());
        match &outcome {
            Some(Ok(())) => store.record(event).await?,
            Some(Err(why)) => store.record(event.refused(why.code())).await?,
            None => {}
        }
        Ok(outcome)
    }
}

/// The event for other contexts.
pub(crate) fn role_changed(user: UserId, version: i64, role: Role) -> Outgoing {
    Outgoing::new_message(&role_event(user, version, role))
}

pub(crate) fn role_event(user: UserId, version: i64, role: Role) -> RoleChanged {
    RoleChanged { user_id: user, version, role: role.as_str().to_owned() }
}

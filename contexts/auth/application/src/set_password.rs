//! An operator sets a new password for a user. All sessions of the user end: another person may know the old password.

use crate::notices::complete_password_change;
use crate::{Action, AuditEvent, Auth, Authority, Notice, UseCase};
use auth_domain::PasswordHash;
use identity::UserId;
use use_case::Unavailable;

/// A use case: store a new password, which the caller has checked against the policy and hashed.
#[derive(Clone)]
pub struct SetPassword {
    pub by: Authority,
    pub user: UserId,
    /// The hash of the new password.
    pub new: PasswordHash,
    /// How the user is told; `None` while mail is off.
    pub notice: Option<Notice>,
}

impl UseCase for SetPassword {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let Self { by, user, new, notice } = self;
        store.set_credential(user, &new).await?;
        complete_password_change(store, user, None, notice, by.actor()).await?;
        store.record(AuditEvent::by(by.actor(), Action::ChangePassword, by.client).on(user)).await
    }
}

//! The process publishes the roles that were set before this context published them, or by a process of an earlier
//! version.

use crate::set_role::role_changed;
use crate::{Actor, Auth, Authority, UseCase};
use use_case::Unavailable;

/// A use case: publish the roles that were set without an event, each once.
#[derive(Clone)]
pub struct AnnounceRoles;

impl UseCase for AnnounceRoles {
    /// How many roles were published.
    type Outcome = usize;

    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<usize, Unavailable> {
        let roles = store.take_unversioned_roles().await?;
        for (user, role) in &roles {
            store.post(role_changed(*user, 1, *role), Actor::Operator).await?;
        }
        Ok(roles.len())
    }
}

//! A user whose access token has expired signs out with a refresh token: the session ends.

use crate::{Action, AuditEvent, Auth, Authority, RequestOrigin, SessionEnd, TokenHash, UseCase};
use use_case::Unavailable;

/// A use case: end the session of a refresh token, the latest one or an earlier one.
#[derive(Clone)]
pub struct SignOutByToken {
    /// The hash of the refresh token.
    pub token: TokenHash,
    pub client: RequestOrigin,
}

impl UseCase for SignOutByToken {
    type Outcome = ();

    /// None: the refresh token is the proof.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let Some(found) = store.find_by_refresh_token_for_update(&self.token).await? else { return Ok(()) };
        let (user, session) = (found.session.user, found.session.id);
        if store.end(user, session, SessionEnd::SignedOut).await? {
            store.record(AuditEvent::own(Action::SignOut, user, self.client).within(session)).await?;
        }
        Ok(())
    }
}

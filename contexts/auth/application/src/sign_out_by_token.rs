//! A person whose access token has run out signs out by the refresh token: the session ends.

use crate::{Action, AuditEvent, Auth, Authority, RequestOrigin, SessionEnd, UseCase, TokenHash};
use use_case::Unavailable;

/// With a refresh token of the session, the latest or an earlier one: the bearer wants it to end.
#[derive(Clone)]
pub struct SignOutByToken {
    /// Of the token.
    pub token: TokenHash,
    /// From where.
    pub client: RequestOrigin,
}

impl UseCase for SignOutByToken {
    type Outcome = ();

    /// The refresh token is the proof.
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

//! Somebody who has shown the right password gets a session.

use crate::{Action, AuditEvent, Auth, Authority, RequestOrigin, SessionEnd, UseCase, VerifiedPassword, TokenHash};
use auth_domain::{MOST_SESSIONS, Session, SessionId, SessionLife};
use use_case::Unavailable;

/// After the password was found right.
#[derive(Clone)]
pub struct SignIn {
    /// Whose password, and by which hash.
    pub verified: VerifiedPassword,
    /// Of the session's first refresh token.
    pub token: TokenHash,
    /// From where.
    pub client: RequestOrigin,
    /// How long the session may last.
    pub life: SessionLife,
}

impl UseCase for SignIn {
    /// `None` when they may not sign in, or the password has been changed since it was looked at.
    type Outcome = Option<Session>;

    /// The password is the proof: [`Accounts::lock_for_sign_in`](crate::Accounts::admits) looks at it again.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Option<Session>, Unavailable> {
        let Self { verified: VerifiedPassword { user, hash }, token, client, life } = self;
        let event = AuditEvent::own(Action::SignIn, user, client.clone());
        if !store.lock_for_sign_in(user, &hash).await? {
            store.record(event.refused("not_admitted")).await?;
            return Ok(None);
        }
        let session = Session::open(SessionId::random(), user, store.now().await?, life);
        store.open(&session, &token, &client).await?;
        store.end_oldest(user, MOST_SESSIONS, SessionEnd::CrowdedOut).await?;
        store.record(event.within(session.id)).await?;
        Ok(Some(session))
    }
}

//! A client refreshes a session: the refresh token is used up, and the next one takes its place.

use crate::{
    Action, AuditEvent, Auth, Authority, Refreshable, RequestOrigin, SealedToken, SessionEnd, TokenHash, UseCase,
};
use auth_domain::{RefreshDecision, Session, SessionLife};
use use_case::Unavailable;

/// A use case: refresh a session.
#[derive(Clone)]
pub struct RefreshSession {
    /// The hash of the refresh token that the client has sent.
    pub shown: TokenHash,
    /// The hash of the next refresh token.
    pub next: TokenHash,
    /// The next refresh token, encrypted so that only the bearer of the sent token can read it.
    pub sealed: SealedToken,
    pub client: RequestOrigin,
    pub life: SessionLife,
}

/// The result of a successful refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The session continues with the next token.
    Next(Session),
    /// The same token came before: the session continues with the successor that was issued then.
    Again(Session, SealedToken),
}

impl UseCase for RefreshSession {
    /// `None` if the token is not valid. If it was used before, the session has ended.
    type Outcome = Option<Refreshed>;

    /// None: the refresh token is the proof.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Option<Refreshed>, Unavailable> {
        let Self { shown, next, sealed, client, life } = self;
        let Some(found) = store.find_by_refresh_token_for_update(&shown).await? else { return Ok(None) };
        let Refreshable { mut session, shown: token, successor } = found;
        let refresh = session.refresh(token, store.now().await?, life);
        let is_enabled = store.is_enabled(session.user).await?;
        let over = match (refresh, successor) {
            (RefreshDecision::Replayed, _) => SessionEnd::Replayed,
            (RefreshDecision::Expired, _) => SessionEnd::Expired,
            _ if !is_enabled => SessionEnd::Disabled,
            (RefreshDecision::Repeated, Some(successor)) => return Ok(Some(Refreshed::Again(session, successor))),
            // No successor is stored: the grace period was zero when the token was used.
            (RefreshDecision::Repeated, None) => SessionEnd::Replayed,
            (RefreshDecision::Rotated, _) => {
                let kept = Some(&sealed).filter(|_| !life.grace.is_zero());
                store.rotate(&session, &shown, kept, &next, &client).await?;
                return Ok(Some(Refreshed::Next(session)));
            }
        };
        store.end(session.user, session.id, over).await?;
        let event = AuditEvent::own(Action::Refresh, session.user, client).within(session.id);
        store.record(event.refused(over.as_str())).await?;
        Ok(None)
    }
}

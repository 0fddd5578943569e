//! A session goes on: its refresh token is used up, and the next one takes its place.

use crate::{Action, AuditEvent, Auth, Authority, RequestOrigin, SessionEnd, UseCase, Refreshable, SealedToken, TokenHash};
use auth_domain::{RefreshDecision, Session, SessionLife};
use use_case::Unavailable;

/// With a refresh token.
#[derive(Clone)]
pub struct RefreshSession {
    /// Of the token that was shown.
    pub shown: TokenHash,
    /// Of the one that follows it.
    pub next: TokenHash,
    /// The one that follows it, for the bearer of the one that was shown.
    pub sealed: SealedToken,
    /// From where.
    pub client: RequestOrigin,
    /// How long sessions may last.
    pub life: SessionLife,
}

/// A session that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// With the next token.
    Next(Session),
    /// With the token that an earlier request was given for the same one.
    Again(Session, SealedToken),
}

impl UseCase for RefreshSession {
    /// `None` when the token is good for nothing. If it was used before, the session has ended.
    type Outcome = Option<Refreshed>;

    /// The refresh token is the proof.
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
            // Nothing was kept: there was no grace when it was used.
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

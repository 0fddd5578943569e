//! A session goes on: its refresh token is used up, and the next one takes its place.

use crate::{Action, AuditEvent, Auth, Client, Ending, Immediate, TokenHash};
use auth_domain::{Refresh, Session, SessionLife};
use use_case::Unavailable;

/// With a refresh token.
#[derive(Clone)]
pub struct RefreshSession {
    /// Of the token that was shown.
    pub shown: TokenHash,
    /// Of the one that follows it.
    pub next: TokenHash,
    /// From where.
    pub client: Client,
    /// How long sessions may last.
    pub life: SessionLife,
}

impl Immediate for RefreshSession {
    /// `None` when the token is good for nothing. If it was used before, the session has ended.
    type Outcome = Option<Session>;

    async fn execute(self, store: &mut dyn Auth) -> Result<Option<Session>, Unavailable> {
        let Self { shown, next, client, life } = self;
        let Some((mut session, generation)) = store.locked_by(&shown).await? else { return Ok(None) };
        let refresh = session.refresh(generation, store.now().await?, life);
        let over = match refresh {
            Refresh::Rotated if store.is_enabled(session.user).await? => {
                store.rotate(&session, &next, &client).await?;
                return Ok(Some(session));
            }
            Refresh::Rotated => Ending::Disabled,
            Refresh::Replayed => Ending::Replayed,
            Refresh::Expired => Ending::Expired,
        };
        store.end(session.user, session.id, over).await?;
        let event = AuditEvent::own(Action::Refresh, session.user, client).within(session.id);
        store.record(event.refused(over.as_str())).await?;
        Ok(None)
    }
}

//! A user ends one of their sessions, or all except the current one.

use crate::{Action, AuditEvent, Auth, Authority, SessionEnd, UseCase};
use auth_domain::SessionId;
use identity::UserId;
use use_case::Unavailable;

/// The sessions of a user that [`EndSessions`] ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsToEnd {
    One(SessionId),
    AllBut(SessionId),
}

/// A use case: end sessions of a user.
#[derive(Clone)]
pub struct EndSessions {
    pub user: UserId,
    pub which: SessionsToEnd,
    pub by: Authority,
}

impl UseCase for EndSessions {
    /// Whether any session has ended.
    type Outcome = bool;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<bool, Unavailable> {
        let event = AuditEvent::own(Action::EndSession, self.user, self.by.client);
        let (ended, event) = match self.which {
            SessionsToEnd::One(session) => {
                (store.end(self.user, session, SessionEnd::Revoked).await?, event.about(session.to_string()))
            }
            SessionsToEnd::AllBut(session) => {
                (store.end_others(self.user, Some(session), SessionEnd::Revoked).await? > 0, event.about("others"))
            }
        };
        if ended {
            store.record(event).await?;
        }
        Ok(ended)
    }
}

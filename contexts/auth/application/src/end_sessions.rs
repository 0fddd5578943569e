//! Somebody ends one of their sessions, or all others than the one they are in.

use crate::{Action, AuditEvent, Auth, Authority, SessionEnd, UseCase};
use auth_domain::SessionId;
use kernel::UserId;
use use_case::Unavailable;

/// Which of one's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsToEnd {
    /// This one.
    One(SessionId),
    /// All but this one.
    AllBut(SessionId),
}

/// By their person.
#[derive(Clone)]
pub struct EndSessions {
    /// Who.
    pub user: UserId,
    /// Which.
    pub which: SessionsToEnd,
    /// On whose authority.
    pub by: Authority,
}

impl UseCase for EndSessions {
    /// Whether there were any.
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

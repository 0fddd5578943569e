use crate::{Actor, Auth, RequestOrigin};
use auth_domain::{AssuranceRules, Need, Role, Scope, ServiceKeyId, SessionId, Shortfall};
use identity::UserId;
use std::time::Duration;
use use_case::Unavailable;

/// The authority on which a use case acts. The web layer checks it when the head of the request arrives. It may have
/// changed since, so [`act`](crate::act) confirms it in the transaction that acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    pub principal: Principal,
    pub client: RequestOrigin,
    /// The route of the request, never its path; empty for the command line.
    pub route: String,
    /// What a person's session must be good for.
    pub need: Need,
    pub rules: AssuranceRules,
}

/// Who acts, and what must still be true when the use case runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// A person who acts for themselves. The session MUST be live.
    Person { user: UserId, session: SessionId },
    /// A person whose session MUST be live, and who MUST be an administrator.
    Administrator { user: UserId, session: SessionId },
    /// A service. Its key MUST be valid and have this scope.
    Service { key: ServiceKeyId, scope: Scope },
    /// The operator, who has the command line and needs no session.
    Operator,
}

/// Why a use case did not run: its authority no longer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The session or the service key has ended, or its person is deactivated.
    #[error("the session or the key has ended")]
    Ended,
    /// The session or the key is live, but no longer has the role or the scope.
    #[error("the role or the scope is not there any more")]
    Forbidden,
    /// The session is live, but a second factor or a fresh sign-in is missing.
    #[error("the session lacks a second factor or a fresh sign-in")]
    Insufficient {
        lack: Shortfall,
        /// How long a step-up is enough for.
        max_age: Duration,
    },
}

impl Authority {
    /// The operator's, on the command line.
    #[must_use]
    pub fn operator() -> Self {
        let (client, rules) = (RequestOrigin::local(), AssuranceRules::default());
        Self { principal: Principal::Operator, client, route: String::new(), need: Need::Live, rules }
    }

    /// The actor as the audit log names it.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        match self.principal {
            Principal::Person { user, .. } | Principal::Administrator { user, .. } => Actor::User(user),
            Principal::Service { key, .. } => Actor::Service(key.as_uuid()),
            Principal::Operator => Actor::Operator,
        }
    }

    /// Checks the authority again, and locks the checked rows until the transaction ends.
    ///
    /// The order of the locks is the same everywhere: the set of administrators, then an account, then its sessions.
    pub(crate) async fn confirm(&self, store: &mut dyn Auth) -> Result<Result<(), Denied>, Unavailable> {
        let (standing, needed) = match self.principal {
            Principal::Operator => return Ok(Ok(())),
            Principal::Service { key, scope } => {
                return Ok(match store.scopes_of(key).await? {
                    None => Err(Denied::Ended),
                    Some(scopes) if scopes.contain(scope) => Ok(()),
                    Some(_) => Err(Denied::Forbidden),
                });
            }
            Principal::Person { user, session } => (store.standing_in(user, session).await?, Role::User),
            Principal::Administrator { user, session } => {
                store.administrators().await?;
                (store.standing_in(user, session).await?, Role::Admin)
            }
        };
        Ok(match standing {
            None => Err(Denied::Ended),
            Some((standing, _)) if needed == Role::Admin && standing.role != Role::Admin => Err(Denied::Forbidden),
            Some((standing, now)) => self
                .rules
                .check(self.need, &standing, now)
                .map_err(|lack| Denied::Insufficient { lack, max_age: self.rules.step_up_max_age }),
        })
    }
}

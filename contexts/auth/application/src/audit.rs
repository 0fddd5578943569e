use crate::RequestOrigin;
use auth_domain::SessionId;
use kernel::{MessageId, UserId};
use std::fmt;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody that we know.
    Anonymous,
    /// A user.
    User(UserId),
    /// Another service, by its key.
    Service(Uuid),
    /// Whoever has the command line.
    Operator,
}

/// As the record has it, and as the ledger names a principal.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(user) => write!(f, "user:{user}"),
            Self::Service(key) => write!(f, "service:{key}"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

/// What was done. The names are a contract: whoever reads the record filters by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Somebody tried to sign in.
    SignIn,
    /// A session's tokens were renewed, or not.
    Refresh,
    /// A session was ended by its person.
    SignOut,
    /// A person's other sessions were ended, or one of them.
    EndSession,
    /// A password was changed, or not.
    ChangePassword,
    /// A role was given.
    SetRole,
    /// A user was deactivated.
    DeactivateUser,
    /// A user was reactivated.
    ReactivateUser,
    /// A service key was made.
    CreateServiceKey,
    /// A service key was ended.
    RevokeServiceKey,
    /// A key of the installation was added.
    RotateKey,
    /// A key of the installation was destroyed.
    RetireKey,
    /// This record was read.
    ReadAudit,
    /// Something was refused to somebody who was known.
    Access,
}

impl Action {
    /// Those of other contexts' commands, which name them when they refuse one.
    const OF_COMMANDS: [Self; 2] = [Self::DeactivateUser, Self::ReactivateUser];

    /// The action of a command of another context.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::OF_COMMANDS.into_iter().find(|action| action.as_str() == name)
    }

    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Refresh => "session.refresh",
            Self::SignOut => "sign_out",
            Self::EndSession => "session.end",
            Self::ChangePassword => "password.change",
            Self::SetRole => "role.set",
            Self::DeactivateUser => "user.deactivate",
            Self::ReactivateUser => "user.reactivate",
            Self::CreateServiceKey => "service_key.create",
            Self::RevokeServiceKey => "service_key.revoke",
            Self::RotateKey => "key.rotate",
            Self::RetireKey => "key.retire",
            Self::ReadAudit => "audit.read",
            Self::Access => "access",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// It was not, for this reason: a stable code.
    Refused(&'static str),
}

/// One line of the record. It holds no secret, and nothing that was typed: a password may stand
/// where an address should.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// What.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// Who.
    pub actor: Actor,
    /// On whom.
    pub user: Option<UserId>,
    /// In which session.
    pub session: Option<SessionId>,
    /// On what else: a service key's id, a route, a role; or the command that did it.
    pub target: Option<String>,
    /// From where.
    pub client: RequestOrigin,
}

impl AuditEvent {
    /// Somebody did something to themselves, and it was done.
    #[must_use]
    pub fn own(action: Action, user: UserId, client: RequestOrigin) -> Self {
        Self::by(Actor::User(user), action, client).on(user)
    }

    /// Somebody did something, and it was done.
    #[must_use]
    pub const fn by(actor: Actor, action: Action, client: RequestOrigin) -> Self {
        Self { action, outcome: Outcome::Succeeded, actor, user: None, session: None, target: None, client }
    }

    /// A command of an administrator's was done, from there if that was said, or of an operator's, who is local.
    #[must_use]
    pub fn commanded(by: Option<UserId>, client: Option<RequestOrigin>, action: Action, command: MessageId) -> Self {
        let (actor, client) = match by {
            Some(administrator) => (Actor::User(administrator), client.unwrap_or(RequestOrigin::unknown())),
            None => (Actor::Operator, RequestOrigin::local()),
        };
        Self::by(actor, action, client).about(command.to_string())
    }

    /// On whom.
    #[must_use]
    pub fn on(mut self, user: impl Into<Option<UserId>>) -> Self {
        self.user = user.into();
        self
    }

    /// In which session.
    #[must_use]
    pub const fn within(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// On what else.
    #[must_use]
    pub fn about(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// It was refused, with this code.
    #[must_use]
    pub const fn refused(mut self, code: &'static str) -> Self {
        self.outcome = Outcome::Refused(code);
        self
    }
}

/// The record of security events. Lines are added and never changed.
#[async_trait]
pub trait Audit: Send {
    /// Adds a line.
    async fn record(&mut self, event: AuditEvent) -> Result<(), Unavailable>;
}

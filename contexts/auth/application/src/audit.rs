use crate::RequestOrigin;
use auth_domain::SessionId;
use identity::UserId;
use kernel::MessageId;
use std::fmt;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

/// Who acted, or tried to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// An unknown caller.
    Anonymous,
    User(UserId),
    /// Another service, by the id of its key.
    Service(Uuid),
    /// A person at the command line.
    Operator,
}

/// The form in the audit log, which is also the ledger's name of a principal.
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

/// An action of the audit log. The names are a contract: readers filter by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A sign-in, successful or not.
    SignIn,
    /// A refused refresh. Successful ones are not recorded.
    Refresh,
    /// A user ended the session that the request belongs to.
    SignOut,
    /// A user ended another session of their own, or all others; or an administrator ended all sessions of a user.
    EndSession,
    /// A change of password, successful or not.
    ChangePassword,
    /// A link to choose a new password was mailed: for an unknown caller, or for an administrator.
    RequestPasswordReset,
    /// A new password by the token of such a link.
    ResetPassword,
    /// A wrong current password, where one is asked for before a change.
    ConfirmPassword,
    /// A person who has signed in proved once more who they are, successfully or not.
    StepUp,
    /// A person added a second factor, successfully or not.
    AddFactor,
    RemoveFactor,
    RenewRecoveryCodes,
    /// An administrator or an operator removed all second factors of a user.
    ResetFactors,
    /// A change of role, successful or not.
    SetRole,
    /// A change of the email address.
    ChangeEmail,
    DeactivateUser,
    ReactivateUser,
    EraseUser,
    /// Some hundred users were moved in from another system.
    ImportUsers,
    /// An administrator invited a person to register.
    Invite,
    ResendInvitation,
    RevokeInvitation,
    /// An export of everything that is held on a user.
    ExportUser,
    CreateServiceKey,
    RevokeServiceKey,
    /// An operator added a sealing key or a signing key.
    RotateKey,
    /// An operator destroyed a sealing key or a signing key.
    RetireKey,
    /// A caller read the audit log.
    ReadAudit,
    /// An authenticated caller was refused (403).
    Access,
}

impl Action {
    /// The actions of other contexts' commands, which pass the name when they refuse a command.
    const OF_COMMANDS: [Self; 2] = [Self::DeactivateUser, Self::ReactivateUser];

    /// Finds the action of another context's command by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::OF_COMMANDS.into_iter().find(|action| action.as_str() == name)
    }

    /// The name that is stored and returned by the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Refresh => "session.refresh",
            Self::SignOut => "sign_out",
            Self::EndSession => "session.end",
            Self::ChangePassword => "password.change",
            Self::RequestPasswordReset => "password.request_reset",
            Self::ResetPassword => "password.reset",
            Self::ConfirmPassword => "password.confirm",
            Self::StepUp => "step_up",
            Self::AddFactor => "factor.add",
            Self::RemoveFactor => "factor.remove",
            Self::RenewRecoveryCodes => "recovery_codes.renew",
            Self::ResetFactors => "factors.reset",
            Self::SetRole => "role.set",
            Self::ChangeEmail => "user.change_email",
            Self::DeactivateUser => "user.deactivate",
            Self::ReactivateUser => "user.reactivate",
            Self::EraseUser => "user.erase",
            Self::ExportUser => "user.export",
            Self::ImportUsers => "user.import",
            Self::Invite => "user.invite",
            Self::ResendInvitation => "invitation.resend",
            Self::RevokeInvitation => "invitation.revoke",
            Self::CreateServiceKey => "service_key.create",
            Self::RevokeServiceKey => "service_key.revoke",
            Self::RotateKey => "key.rotate",
            Self::RetireKey => "key.retire",
            Self::ReadAudit => "audit.read",
            Self::Access => "access",
        }
    }
}

/// The outcome of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// With a stable code that says why.
    Refused(&'static str),
}

/// One event of the audit log. It holds no secret, and no text that a user typed but the `note`: a password may have been
/// typed into the field for the email.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    pub action: Action,
    pub outcome: Outcome,
    pub actor: Actor,
    /// The user that the action concerns.
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    /// What else the action concerns: the id of a service key, a route, a role, the way of signing in, or the id of the
    /// command.
    pub target: Option<String>,
    /// What the administrator wrote about it.
    pub note: Option<String>,
    pub client: RequestOrigin,
}

impl AuditEvent {
    /// A successful action of a user that concerns that user.
    #[must_use]
    pub fn own(action: Action, user: UserId, client: RequestOrigin) -> Self {
        Self::by(Actor::User(user), action, client).on(user)
    }

    /// A successful action.
    #[must_use]
    pub const fn by(actor: Actor, action: Action, client: RequestOrigin) -> Self {
        Self { action, outcome: Outcome::Succeeded, actor, user: None, session: None, target: None, note: None, client }
    }

    /// A successful command of an administrator, or of an operator if `by` is `None`. An operator's address is `local`;
    /// an administrator's is empty if the message does not contain it.
    #[must_use]
    pub fn commanded(by: Option<UserId>, client: Option<RequestOrigin>, action: Action, command: MessageId) -> Self {
        let (actor, client) = match by {
            Some(administrator) => (Actor::User(administrator), client.unwrap_or(RequestOrigin::unknown())),
            None => (Actor::Operator, RequestOrigin::local()),
        };
        Self::by(actor, action, client).about(command.to_string())
    }

    /// Sets the user that the action concerns.
    #[must_use]
    pub fn on(mut self, user: impl Into<Option<UserId>>) -> Self {
        self.user = user.into();
        self
    }

    /// Sets the session.
    #[must_use]
    pub const fn within(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Sets the target: what else the action concerns.
    #[must_use]
    pub fn about(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Sets what the administrator wrote about the action.
    #[must_use]
    pub fn noted(mut self, note: Option<String>) -> Self {
        self.note = note;
        self
    }

    /// Turns the event into a refusal with this code.
    #[must_use]
    pub const fn refused(mut self, code: &'static str) -> Self {
        self.outcome = Outcome::Refused(code);
        self
    }
}

/// A port: the audit log of security events. Events are added and never changed, but for the addresses of erased users.
#[async_trait]
pub trait Audit: Send {
    /// Adds an event.
    async fn record(&mut self, event: AuditEvent) -> Result<(), Unavailable>;

    /// Removes the network addresses of a user from the events: of what the user did, and of what an unknown caller did
    /// to the user's account. The ids stay.
    async fn pseudonymise(&mut self, user: UserId) -> Result<(), Unavailable>;
}

//! Auth: the use cases. One file each; this is the table of contents.

mod accounts;
mod administration;
mod audit;
mod auth;
mod authority;
mod passwords;
mod service_keys;
mod sessions;

pub use accounts::Accounts;
pub use administration::{Administration, depart};
pub use audit::{Action, Actor, Audit, AuditEvent, Outcome};
pub use auth::{Auth, UseCase, act};
pub use authority::{Authority, Denied, Principal};
pub use kernel::RequestOrigin;
pub use passwords::{Credentials, Passwords, VerifiedPassword};
pub use service_keys::{ServiceKey, ServiceKeys};
pub use sessions::{Refreshable, SealedToken, SessionEnd, Sessions, TokenHash};

// What comes as a message.
use_case::handlers! { dyn Auth:
    on_user_registered::UserRegistered,
    on_user_deactivated::UserDeactivated,
    on_user_reactivated::UserReactivated,
    set_credential::SetCredential,
}

/// What is done while somebody waits: one line per use case stands for its `mod` and its re-export.
macro_rules! immediate {
    ($($module:ident :: { $($name:ident),+ }),+ $(,)?) => { $(mod $module; pub use $module::{$($name),+};)+ };
}

immediate! {
    change_password::{ChangePassword},
    create_service_key::{CreateServiceKey},
    deny_access::{DenyAccess},
    end_sessions::{EndSessions, SessionsToEnd},
    read_audit::{ReadAudit},
    record_key_change::{KeyChange, RecordKeyChange},
    refresh_session::{RefreshSession, Refreshed},
    refuse_command::{RefuseCommand},
    refuse_password_change::{RefusePasswordChange},
    refuse_sign_in::{RefuseSignIn},
    revoke_service_key::{RevokeServiceKey},
    set_password::{SetPassword},
    set_role::{SetRole},
    sign_in::{SignIn},
    sign_out::{SignOut},
    sign_out_by_token::{SignOutByToken},
}

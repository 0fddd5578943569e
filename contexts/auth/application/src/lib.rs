//! The use cases of the `auth` context, one file each. This file is the table of contents.

mod accounts;
mod administration;
mod audit;
mod auth;
mod authority;
mod login_throttle;
mod passwords;
mod service_keys;
mod sessions;
mod unit_of_work;

pub use accounts::Accounts;
pub use administration::{Administration, depart};
pub use audit::{Action, Actor, Audit, AuditEvent, Outcome};
pub use auth::{Auth, UseCase, act};
pub use authority::{Authority, Denied, Principal};
pub use kernel::RequestOrigin;
pub use login_throttle::{Guess, GuessError, LoginThrottle, Throttled, TooManyGuesses};
pub use passwords::{Credentials, PasswordPorts, Passwords, VerifiedPassword, user_of_password};
pub use service_keys::{ServiceKey, ServiceKeys};
pub use sessions::{Refreshable, SealedToken, SessionEnd, Sessions, TokenHash};
pub use unit_of_work::{UnitOfWork, UseCaseError};

// The use cases that handle a message.
use_case::handlers! { dyn Auth:
    on_user_registered::UserRegistered,
    on_user_email_changed::UserEmailChanged,
    on_user_deactivated::UserDeactivated,
    on_user_reactivated::UserReactivated,
    set_credential::SetCredential,
    end_user_sessions::EndUserSessions,
}

/// Declares the synchronous use cases: each line becomes a `mod` and its re-exports.
macro_rules! immediate {
    ($($module:ident :: { $($name:ident),+ }),+ $(,)?) => { $(mod $module; pub use $module::{$($name),+};)+ };
}

immediate! {
    announce_roles::{AnnounceRoles},
    change_password::{ChangePassword, ChangePasswordError},
    confirm_password::{ConfirmPassword, ConfirmPasswordError},
    create_service_key::{CreateServiceKey},
    deny_access::{DenyAccess},
    end_sessions::{EndSessions, SessionsToEnd},
    read_audit::{ReadAudit},
    record_key_change::{KeyChange, RecordKeyChange},
    refresh_session::{RefreshSession, Refreshed},
    refuse_command::{RefuseCommand},
    revoke_service_key::{RevokeServiceKey},
    set_password::{SetPassword},
    set_role::{SetRole},
    sign_in::{SignIn, SignInError},
    sign_out::{SignOut},
    sign_out_by_token::{SignOutByToken},
}

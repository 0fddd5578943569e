//! The use cases of the `auth` context, one file each. This file is the table of contents.

mod accounts;
mod administration;
mod audit;
mod auth;
mod authority;
mod devices;
mod factors;
mod login_throttle;
mod notices;
mod passkeys;
mod passwords;
mod reset_link;
mod reset_tokens;
mod second_factors;
mod service_keys;
mod sessions;
mod unit_of_work;

pub use accounts::Accounts;
pub use administration::{Administration, depart};
pub use audit::{Action, Actor, Audit, AuditEvent, Outcome};
pub use auth::{Auth, UseCase, act};
pub use authority::{Authority, Denied, Principal};
pub use devices::{Devices, MOST_DEVICES};
pub use factors::{
    CHALLENGE_LIFE, ENROLMENT_LIFE, FactorCodes, Factors, RecoveryCodeHash, SealedTotpSecret, SignInChallenge,
    TotpFactor,
};
pub use import_accounts::ImportedAccount;
pub use kernel::RequestOrigin;
pub use login_throttle::{Guess, GuessError, LoginThrottle, Throttled, TooManyGuesses};
pub use notices::Notice;
pub use passkeys::{
    MadePasskey, PASSKEY_CHALLENGE_LIFE, Passkey, PasskeyCeremonies, PasskeyPurpose, PasskeyRefused, PasskeyResponse,
    PasskeyUse, Passkeys,
};
pub use passwords::{Credentials, PasswordPorts, Passwords, VerifiedPassword, user_of_password};
pub use reset_link::ResetLink;
pub use reset_tokens::{RESET_LIFE, ResetTokens};
pub use second_factors::FactorChange;
pub use service_keys::{ServiceKey, ServiceKeys};
pub use sessions::{Refreshable, SealedToken, SessionEnd, Sessions, TokenHash};
pub use unit_of_work::{UnitOfWork, UseCaseError};

// The use cases that handle a message.
use_case::handlers! { dyn Auth:
    on_user_registered::UserRegistered,
    on_user_email_changed::UserEmailChanged,
    on_email_verified::EmailVerified,
    on_user_deactivated::UserDeactivated,
    on_user_reactivated::UserReactivated,
    on_user_erased::UserErased,
    set_credential::SetCredential,
    import_accounts::ImportAccounts,
    wrap_digest::WrapDigest,
    end_user_sessions::EndUserSessions,
    request_password_reset::RequestPasswordReset,
    send_password_reset::SendPasswordReset,
    record_invitation::RecordInvitation,
}

/// Declares the synchronous use cases: each line becomes a `mod` and its re-exports.
macro_rules! immediate {
    ($($module:ident :: { $($name:ident),+ }),+ $(,)?) => { $(mod $module; pub use $module::{$($name),+};)+ };
}

immediate! {
    add_passkey::{AddPasskey, AddPasskeyError, AddedPasskey},
    announce_roles::{AnnounceRoles},
    begin_passkey::{BeginPasskey},
    begin_totp::{BeginTotp},
    change_password::{ChangePassword, ChangePasswordError},
    complete_sign_in::{CompleteSignIn, CompleteSignInError},
    confirm_password::{ConfirmPassword, WrongPassword},
    confirm_totp::{ConfirmTotp, ConfirmTotpError},
    create_service_key::{CreateServiceKey},
    deny_access::{DenyAccess},
    end_sessions::{EndSessions, SessionsToEnd},
    read_audit::{ReadAudit},
    record_export::{RecordExport},
    record_key_change::{KeyChange, RecordKeyChange},
    refresh_session::{RefreshSession, Refreshed},
    refuse_command::{RefuseCommand},
    remove_passkey::{RemovePasskey},
    remove_totp::{RemoveTotp},
    renew_recovery_codes::{RenewRecoveryCodes},
    reset_factors::{ResetFactors},
    reset_password::{ResetPassword, ResetPasswordError},
    revoke_service_key::{RevokeServiceKey},
    set_password::{SetPassword},
    set_role::{SetRole},
    sign_in::{NewSession, SignIn, SignedIn, WrongCredentials},
    sign_in_with_passkey::{PasskeySignInError, SignInWithPasskey},
    sign_out::{SignOut},
    sign_out_by_token::{SignOutByToken},
    step_up::{StepUp, StepUpError},
}

//! The messages that contexts send each other: their published language.
//!
//! Plain data, no behaviour. The JSON of each type is a contract, and the golden files of this crate test it. A
//! compatible addition keeps the wire name; any other change is a new type with a new name.

#[cfg(test)]
mod golden;

use identity::{Email, InvitationId, JobId, MailId, UserId};
use kernel::{RequestOrigin, Sealed, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Declares all messages of this crate, each with the field that holds its subject. The list `GOLDEN` has a function
/// for each that tests one golden file.
macro_rules! messages {
    ($($kind:ident $message:ident, $name:literal, about: $subject:ident;)+) => {
        $(use_case::$kind!($message, $name, about: $subject);)+

        #[cfg(test)]
        const GOLDEN: &[(&str, fn(&str))] = &[$(($name, golden::holds::<$message>)),+];
    };
}

messages! {
    follow_up SetCredential, "auth.set_credential.v1", about: user_id;
    follow_up ImportAccounts, "auth.import_accounts.v1", about: job;
    follow_up WrapDigest, "auth.wrap_digest.v1", about: user_id;
    follow_up EndUserSessions, "auth.end_user_sessions.v1", about: user_id;
    follow_up RecordInvitation, "auth.record_invitation.v1", about: invitation;
    follow_up SendMail, "mail.send_mail.v1", about: id;
    follow_up EraseMails, "mail.erase_mails.v1", about: user_id;
    event UserRegistered, "users.user_registered.v1", about: user_id;
    event UserEmailChanged, "users.user_email_changed.v1", about: user_id;
    event EmailVerified, "users.email_verified.v1", about: user_id;
    event UserDeactivated, "users.user_deactivated.v1", about: user_id;
    event UserReactivated, "users.user_reactivated.v1", about: user_id;
    event UserErased, "users.user_erased.v1", about: user_id;
    event RoleChanged, "auth.role_changed.v1", about: user_id;
}

/// A command to `auth`: store the first password of a user. A user who already has a password keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCredential {
    pub user_id: UserId,
    /// Sealed by the HTTP edge for this user and the command that registers them.
    pub password: Sealed,
}

/// A command to `auth`: create the accounts of users who were moved in from another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportAccounts {
    pub job: JobId,
    pub accounts: Vec<ImportedAccount>,
    /// The administrator who imports; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
}

/// The account of a user who was moved in from another system. It has the first version of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedAccount {
    pub user_id: UserId,
    pub email: Email,
    /// `user` or `admin`.
    pub role: String,
    /// Since when the user is deactivated; `None` for an active user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disabled_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub email_verified: bool,
    /// The hash of the user's password, as `auth` stores it; `None` for a user without a password.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password_hash: Option<String>,
    /// The secret of the user's authenticator app, as `auth` has sealed it, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub totp_secret: Option<String>,
}

/// A command to `auth` itself: wrap the weak digest of an imported user's password in a slow hash, and store that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrapDigest {
    pub user_id: UserId,
    /// The digest, in the text that names its algorithm.
    pub digest: String,
}

/// A command to `auth`: end all sessions of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndUserSessions {
    pub user_id: UserId,
    /// The administrator who sends it; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
}

/// A command to `auth`: record in the audit log what an administrator did with an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordInvitation {
    pub invitation: InvitationId,
    pub what: InvitationChange,
    /// The administrator who did it; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
}

/// What happened to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationChange {
    Created,
    Resent,
    Revoked,
}

/// A command to `mail`: send one mail. No command waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMail {
    pub id: MailId,
    pub template: MailTemplate,
    /// The address as it is stored, never as it was typed in this request.
    pub to: Email,
    /// The user that the mail concerns; `None` if there is none, or not yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_id: Option<UserId>,
    /// A language tag, such as `de`; `None` for the default language.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<String>,
    /// What the template says beside the link. Nothing secret.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub parameters: BTreeMap<String, String>,
    /// The token of the mail's link, sealed for this mail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<Sealed>,
}

/// A command to `mail`: erase the mails that concern a person who was expected and never became a user with this id, and
/// all other mails to their address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseMails {
    pub user_id: UserId,
}

/// What a mail says. The parameters of each are in its templates (`mail/infrastructure/src/templates`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTemplate {
    /// Confirm a registration by choosing a password. Its link has a token.
    ConfirmRegistration,
    /// A client has tried to register with an address that has an account.
    AlreadyRegistered,
    /// An administrator invites. Its link has a token.
    Invitation,
    /// Confirm an address, a first or a new one. Its link has a token.
    ConfirmEmail,
    /// Choose a new password. Its link has a token.
    ResetPassword,
    /// The address was changed; goes to the old one. Its link, which reverts the change, has a token.
    EmailChanged,
    /// The password was changed.
    PasswordChanged,
    /// A sign-in from a device that is not known.
    NewDevice,
    /// A second factor was added or removed, or a recovery code was used.
    FactorsChanged,
    /// A test of the settings.
    Test,
}

impl MailTemplate {
    /// All templates.
    pub const ALL: [Self; 10] = [
        Self::ConfirmRegistration,
        Self::AlreadyRegistered,
        Self::Invitation,
        Self::ConfirmEmail,
        Self::ResetPassword,
        Self::EmailChanged,
        Self::PasswordChanged,
        Self::NewDevice,
        Self::FactorsChanged,
        Self::Test,
    ];

    /// The name in messages, in the database, and of the template's files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmRegistration => "confirm_registration",
            Self::AlreadyRegistered => "already_registered",
            Self::Invitation => "invitation",
            Self::ConfirmEmail => "confirm_email",
            Self::ResetPassword => "reset_password",
            Self::EmailChanged => "email_changed",
            Self::PasswordChanged => "password_changed",
            Self::NewDevice => "new_device",
            Self::FactorsChanged => "factors_changed",
            Self::Test => "test",
        }
    }
}

/// An event of `users`: a user has registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRegistered {
    pub user_id: UserId,
    /// The user's version after the change. A context that has seen this version or a later one ignores the event.
    pub version: i64,
    pub email: Email,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    pub registered_at: Timestamp,
    /// Whether the user has proven to receive mail at the address.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub email_verified: bool,
    /// `admin`, for a user who was invited as an administrator; `None` for everyone else.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<String>,
    /// The administrator who has given the role; `None` without a role, and for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invited_by: Option<UserId>,
}

/// An event of `users`: a user has another email address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEmailChanged {
    pub user_id: UserId,
    /// The user's version after the change. A context that has seen this version or a later one ignores the event.
    pub version: i64,
    /// The new address.
    pub email: Email,
    /// Whether the user has proven that they read mails to it. If not, it is verified only if it is another spelling of a
    /// verified one.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub email_verified: bool,
    pub changed_at: Timestamp,
    /// The user or the administrator who did it; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
}

/// An event of `users`: a user has proven that they read mails to their address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailVerified {
    pub user_id: UserId,
    /// The user's version after the change. A context that has seen this version or a later one ignores the event.
    pub version: i64,
    pub verified_at: Timestamp,
}

/// An event of `users`: a user was deactivated and can no longer sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDeactivated {
    pub user_id: UserId,
    /// The user's version after the change. A context that has seen this version or a later one ignores the event.
    pub version: i64,
    pub deactivated_at: Timestamp,
    /// The administrator who did it; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator, and in messages of versions that did not record it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
}

/// An event of `users`: a user was reactivated and can sign in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserReactivated {
    pub user_id: UserId,
    /// The user's version after the change. A context that has seen this version or a later one ignores the event.
    pub version: i64,
    pub reactivated_at: Timestamp,
    /// The administrator who did it; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator, and in messages of versions that did not record it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
}

/// An event of `users`: a user was erased, and every context erases what it holds on them. It has no personal data of the
/// user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserErased {
    pub user_id: UserId,
    /// The user's last version. No event about the user follows.
    pub version: i64,
    pub erased_at: Timestamp,
    /// The user or the administrator who did it; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// Where the administrator's request came from; `None` for an operator, and for a user who did it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
    /// Why, as the administrator or operator said; `None` for a user who did it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// An event of `auth`: the role of a user was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChanged {
    pub user_id: UserId,
    /// Counts the changes of this user's role. A context that has seen this version or a later one ignores the event.
    pub version: i64,
    /// `user` or `admin`.
    pub role: String,
}

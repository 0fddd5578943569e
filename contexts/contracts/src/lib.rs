//! The messages that contexts send each other: their published language.
//!
//! Plain data, no behaviour. The JSON of each type is a contract, and the golden files of this crate test it. A
//! compatible addition keeps the wire name; any other change is a new type with a new name.

#[cfg(test)]
mod golden;

use identity::{Email, UserId};
use kernel::{RequestOrigin, Sealed, Timestamp};
use serde::{Deserialize, Serialize};

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
    follow_up EndUserSessions, "auth.end_user_sessions.v1", about: user_id;
    event UserRegistered, "users.user_registered.v1", about: user_id;
    event UserEmailChanged, "users.user_email_changed.v1", about: user_id;
    event UserDeactivated, "users.user_deactivated.v1", about: user_id;
    event UserReactivated, "users.user_reactivated.v1", about: user_id;
    event RoleChanged, "auth.role_changed.v1", about: user_id;
}

/// A command to `auth`: store the first password of a user. A user who already has a password keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCredential {
    pub user_id: UserId,
    /// Sealed by the HTTP edge for this user and the command that registers them.
    pub password: Sealed,
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
}

/// An event of `users`: a user has another email address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEmailChanged {
    pub user_id: UserId,
    /// The user's version after the change. A context that has seen this version or a later one ignores the event.
    pub version: i64,
    /// The new address.
    pub email: Email,
    pub changed_at: Timestamp,
    /// The user or the administrator who did it; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
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

/// An event of `auth`: the role of a user was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChanged {
    pub user_id: UserId,
    /// Counts the changes of this user's role. A context that has seen this version or a later one ignores the event.
    pub version: i64,
    /// `user` or `admin`.
    pub role: String,
}

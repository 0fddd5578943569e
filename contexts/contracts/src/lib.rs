//! The published language between contexts: what one may send another, and what it may hear.
//!
//! Plain data, no behaviour. Each type's JSON is a contract, held by the golden files beside this
//! crate: a compatible addition keeps the name, any other change is a new type with a new name.

use kernel::{Email, RequestOrigin, Sealed, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use use_case::{FollowUpFailure, Message};
use uuid::Uuid;

/// To `auth`: the password that this user will sign in with. It only creates: a user who has one keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCredential {
    /// Whose it is.
    pub user_id: UserId,
    /// Sealed at the edge for this user and this command.
    pub password: Sealed,
}

impl Message for SetCredential {
    const NAME: &'static str = "auth.set_credential.v1";
    type Failure = FollowUpFailure;
    fn subject(&self) -> Uuid {
        self.user_id.as_uuid()
    }
}

/// From `users`: somebody has registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRegistered {
    /// Who.
    pub user_id: UserId,
    /// The version of the user that this is the state of. Whoever holds this one or a later one ignores it.
    pub version: i64,
    /// The address.
    pub email: Email,
    /// The name, if one was given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// When.
    pub registered_at: Timestamp,
}

impl Message for UserRegistered {
    const NAME: &'static str = "users.user_registered.v1";
    type Failure = FollowUpFailure;
    fn subject(&self) -> Uuid {
        self.user_id.as_uuid()
    }
}

/// From `users`: somebody may not sign in any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDeactivated {
    /// Who.
    pub user_id: UserId,
    /// The version of the user that this is the state of. Whoever holds this one or a later one ignores it.
    pub version: i64,
    /// Since when.
    pub deactivated_at: Timestamp,
    /// The administrator who said so; none when it was an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// From where; none when it was an operator, or an earlier version that did not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
}

impl Message for UserDeactivated {
    const NAME: &'static str = "users.user_deactivated.v1";
    type Failure = FollowUpFailure;
    fn subject(&self) -> Uuid {
        self.user_id.as_uuid()
    }
}

/// From `users`: somebody may sign in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserReactivated {
    /// Who.
    pub user_id: UserId,
    /// The version of the user that this is the state of. Whoever holds this one or a later one ignores it.
    pub version: i64,
    /// When.
    pub reactivated_at: Timestamp,
    /// The administrator who said so; none when it was an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// From where; none when it was an operator, or an earlier version that did not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<RequestOrigin>,
}

impl Message for UserReactivated {
    const NAME: &'static str = "users.user_reactivated.v1";
    type Failure = FollowUpFailure;
    fn subject(&self) -> Uuid {
        self.user_id.as_uuid()
    }
}

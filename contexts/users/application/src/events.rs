//! What other contexts hear of a user. Each event is made from the user as it is after the change.

use contracts::{UserDeactivated, UserReactivated, UserRegistered};
use kernel::{RequestOrigin, Timestamp, UserId};
use users_domain::{User, UserState};

/// A person has registered.
pub(crate) fn registered(user: &User) -> UserRegistered {
    // Every field by its name: a new one must be told or left out on purpose.
    let UserState { id, email, name, version, registered_at, deactivated_at: _ } = user.state();
    UserRegistered {
        user_id: *id,
        version: *version,
        email: email.clone(),
        name: name.clone().map(String::from),
        registered_at: *registered_at,
    }
}

/// A user is deactivated: since `at`, if the user is so since this very moment.
pub(crate) fn deactivated(
    user: &User,
    at: Timestamp,
    by: Option<UserId>,
    client: Option<RequestOrigin>,
) -> UserDeactivated {
    let UserState { id, version, deactivated_at, email: _, name: _, registered_at: _ } = user.state();
    UserDeactivated { user_id: *id, version: *version, deactivated_at: deactivated_at.unwrap_or(at), by, client }
}

/// A user was reactivated.
pub(crate) fn reactivated(
    user: &User,
    at: Timestamp,
    by: Option<UserId>,
    client: Option<RequestOrigin>,
) -> UserReactivated {
    let UserState { id, version, email: _, name: _, registered_at: _, deactivated_at: _ } = user.state();
    UserReactivated { user_id: *id, version: *version, reactivated_at: at, by, client }
}

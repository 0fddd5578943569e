//! Makes the events about a user for other contexts, from the state of the user after the change.

use contracts::{UserDeactivated, UserReactivated, UserRegistered};
use identity::UserId;
use kernel::{RequestOrigin, Timestamp};
use users_domain::{User, UserState};

/// The event: a user has registered.
pub(crate) fn registered(user: &User) -> UserRegistered {
    // Names every field, so that a new field is published or left out on purpose.
    let UserState { id, email, name, version, registered_at, deactivated_at: _ } = user.state();
    UserRegistered {
        user_id: *id,
        version: *version,
        email: email.clone(),
        name: name.clone().map(String::from),
        registered_at: *registered_at,
    }
}

/// The event: a user is deactivated. `at` is the time if the user has no earlier one.
pub(crate) fn deactivated(
    user: &User,
    at: Timestamp,
    by: Option<UserId>,
    client: Option<RequestOrigin>,
) -> UserDeactivated {
    let UserState { id, version, deactivated_at, email: _, name: _, registered_at: _ } = user.state();
    UserDeactivated { user_id: *id, version: *version, deactivated_at: deactivated_at.unwrap_or(at), by, client }
}

/// The event: a user was reactivated.
pub(crate) fn reactivated(
    user: &User,
    at: Timestamp,
    by: Option<UserId>,
    client: Option<RequestOrigin>,
) -> UserReactivated {
    let UserState { id, version, email: _, name: _, registered_at: _, deactivated_at: _ } = user.state();
    UserReactivated { user_id: *id, version: *version, reactivated_at: at, by, client }
}

use crate::Name;
use kernel::{Email, Reason, Timestamp, UserId};

/// A registered person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Names this user for good.
    pub id: UserId,
    /// Where mail reaches them; no two users share one.
    pub email: Email,
    /// What they are called, if they said.
    pub name: Option<Name>,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When they registered.
    pub registered_at: Timestamp,
}

impl User {
    /// A new user, in their first version.
    #[must_use]
    pub const fn register(id: UserId, email: Email, name: Option<Name>, at: Timestamp) -> Self {
        Self { id, email, name, version: 1, registered_at: at }
    }
}

/// Why somebody cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Taken {
    /// Another user has this address.
    #[error("this email address is already registered")]
    Email,
    /// The id is, was, or is about to be a user's.
    #[error("this id is already in use: choose another, or leave it out")]
    Id,
}

impl Reason for Taken {
    fn code(&self) -> &'static str {
        match self {
            Self::Email => "email_taken",
            Self::Id => "id_taken",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Taken, User};
    use kernel::{Email, Reason as _, Timestamp, UserId};

    #[test]
    fn a_user_begins_with_version_1() {
        let (id, at) = (UserId::random(), Timestamp::now());
        let email = Email::parse("ada@example.org").expect("an address");
        let user = User::register(id, email.clone(), None, at);
        assert_eq!((user.id, user.email, user.name, user.version, user.registered_at), (id, email, None, 1, at));
    }

    #[test]
    fn reasons_have_stable_codes() {
        assert_eq!([Taken::Email.code(), Taken::Id.code()], ["email_taken", "id_taken"]);
    }
}

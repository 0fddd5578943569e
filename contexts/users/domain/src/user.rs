use crate::Name;
use identity::{Email, UserId};
use kernel::{DomainError, Timestamp};

/// A registered user. Only the methods below change one, and each change is a new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(UserState);

/// Everything that is stored of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserState {
    /// Never changes.
    pub id: UserId,
    /// Unique among all users.
    pub email: Email,
    pub name: Option<Name>,
    /// Starts at 1, and goes up by one with each change.
    pub version: i64,
    pub registered_at: Timestamp,
    /// Since when the user is deactivated; `None` for an active user.
    pub deactivated_at: Option<Timestamp>,
    /// Whether the user has proven that they read mails to the address.
    pub email_verified: bool,
    /// The version that gave the user this address, in whatever spelling. A link in a mail is valid for one address only.
    pub email_version: i64,
}

impl User {
    /// Creates an active user with version 1.
    #[must_use]
    pub const fn register(id: UserId, email: Email, name: Option<Name>, at: Timestamp) -> Self {
        Self(UserState {
            id,
            email,
            name,
            version: 1,
            registered_at: at,
            deactivated_at: None,
            email_verified: false,
            email_version: 1,
        })
    }

    /// Creates an active user with version 1 who has proven that they read mails to the address.
    #[must_use]
    pub fn register_verified(id: UserId, email: Email, name: Option<Name>, at: Timestamp) -> Self {
        let mut user = Self::register(id, email, name, at);
        user.0.email_verified = true;
        user
    }

    /// Restores a user from storage. Other code MUST NOT call it.
    #[must_use]
    pub const fn restore(state: UserState) -> Self {
        Self(state)
    }

    /// Everything that is stored of the user.
    #[must_use]
    pub const fn state(&self) -> &UserState {
        &self.0
    }

    /// The id, which never changes.
    #[must_use]
    pub const fn id(&self) -> UserId {
        self.0.id
    }

    /// Deactivates the user, who then can neither sign in nor stay signed in. `by` is the administrator, or `None` for
    /// an operator. Returns whether that has changed anything: a deactivated user stays as they are.
    ///
    /// # Errors
    /// [`OwnAccount`] if the administrator is the user, active or not.
    pub fn deactivate(&mut self, by: Option<UserId>, at: Timestamp) -> Result<bool, OwnAccount> {
        if by == Some(self.0.id) {
            return Err(OwnAccount);
        }
        Ok(self.change(|it| it.deactivated_at = it.deactivated_at.or(Some(at))))
    }

    /// Reactivates the user, who may then sign in again. Returns whether that has changed anything.
    pub fn reactivate(&mut self) -> bool {
        self.change(|it| it.deactivated_at = None)
    }

    /// Gives the user another name and another address, each if given; `Some(None)` removes the name. Returns whether
    /// that has changed anything.
    pub fn update(&mut self, name: Option<Option<Name>>, email: Option<Email>) -> bool {
        self.change(|it| {
            it.name = name.unwrap_or_else(|| it.name.take());
            if let Some(email) = email {
                it.email = email;
            }
        })
    }

    /// The user has proven that they read mails to this address, which may be a new one. Returns whether that has changed
    /// anything.
    pub fn confirm_email(&mut self, email: Email) -> bool {
        let changes = self.update(None, Some(email));
        if self.0.email_verified {
            return changes;
        }
        self.0.email_verified = true;
        if !changes {
            self.0.version += 1;
        }
        true
    }

    /// Checks that the user still has one of the versions that the sender of a command knows.
    ///
    /// # Errors
    /// [`VersionConflict`]
    pub fn has_version(&self, known: &[i64]) -> Result<(), VersionConflict> {
        if known.contains(&self.0.version) { Ok(()) } else { Err(VersionConflict) }
    }

    /// Erases the user: nothing stays but the tombstone, whose version is the user's last.
    #[must_use]
    pub fn erase(self, at: Timestamp) -> Tombstone {
        Tombstone { id: self.0.id, version: self.0.version + 1, erased_at: at }
    }

    /// Changes the state. Returns whether it differs now; then it is a new version.
    fn change(&mut self, change: impl FnOnce(&mut UserState)) -> bool {
        let before = self.0.clone();
        change(&mut self.0);
        let changes = self.0 != before;
        if changes {
            self.0.version += 1;
        }
        if self.0.email.canonical() != before.email.canonical() {
            self.0.email_version = self.0.version;
            self.0.email_verified = false;
        }
        changes
    }
}

/// What stays of an erased user, so that no other user ever gets the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    pub id: UserId,
    /// One above the version that was erased.
    pub version: i64,
    pub erased_at: Timestamp,
}

kernel::text! {
    /// Why an administrator erases a user. It stays in the audit log, so it should not name the user.
    ErasureReason, 200
}

/// Why a user cannot be registered: another user has the email or the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Taken {
    #[error("this email address is already registered")]
    Email,
    /// A user with this id exists, existed, or is being registered.
    #[error("this id is already in use: choose another, or leave it out")]
    Id,
}

impl DomainError for Taken {
    fn code(&self) -> &'static str {
        match self {
            Self::Email => "email_taken",
            Self::Id => "id_taken",
        }
    }
}

/// The user was changed after the sender of the command had read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the user has changed meanwhile: read them again")]
pub struct VersionConflict;

impl DomainError for VersionConflict {
    fn code(&self) -> &'static str {
        "version_conflict"
    }
}

/// There is no user with this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such user")]
pub struct NoSuchUser;

impl DomainError for NoSuchUser {
    fn code(&self) -> &'static str {
        "no_such_user"
    }
}

/// An administrator may not deactivate their own account, which would lock them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("you cannot deactivate your own account: ask another administrator")]
pub struct OwnAccount;

impl DomainError for OwnAccount {
    fn code(&self) -> &'static str {
        "own_account"
    }
}

#[cfg(test)]
mod tests {
    use super::{NoSuchUser, OwnAccount, Taken, Tombstone, User, UserState, VersionConflict};
    use crate::Name;
    use identity::{Email, UserId};
    use kernel::{DomainError as _, Timestamp};

    fn ada() -> User {
        let email = Email::parse("ada@example.org").expect("an address");
        User::register(UserId::random(), email, None, at(0))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_microsecond(1_790_000_000_000_000 + second * 1_000_000).expect("in range")
    }

    #[test]
    fn a_user_begins_with_version_1_and_may_sign_in() {
        let (id, email) = (UserId::random(), Email::parse("ada@example.org").expect("an address"));
        let user = User::register(id, email.clone(), None, at(0));
        let (version, registered_at, deactivated_at) = (1, at(0), None);
        let (email_verified, email_version) = (false, 1);
        let expected =
            UserState { id, email, name: None, version, registered_at, deactivated_at, email_verified, email_version };
        assert_eq!(user.state(), &expected);
    }

    #[test]
    fn each_change_of_the_status_is_a_version_and_a_repetition_is_not() {
        let mut user = ada();
        assert!(!user.reactivate());
        assert_eq!((user.0.version, user.0.deactivated_at), (1, None));
        assert_eq!(user.deactivate(Some(UserId::random()), at(1)), Ok(true));
        assert_eq!((user.0.version, user.0.deactivated_at), (2, Some(at(1))));
        assert_eq!(user.deactivate(None, at(2)), Ok(false));
        assert_eq!((user.0.version, user.0.deactivated_at), (2, Some(at(1))), "the first deactivation counts");
        assert!(user.reactivate());
        assert_eq!((user.0.version, user.0.deactivated_at), (3, None));
        assert!(!user.reactivate());
        assert_eq!(user.deactivate(None, at(4)), Ok(true));
        assert_eq!((user.0.version, user.0.deactivated_at), (4, Some(at(4))));
    }

    #[test]
    fn a_user_cannot_deactivate_themself_active_or_not() {
        let mut user = ada();
        assert_eq!(user.deactivate(Some(user.id()), at(1)), Err(OwnAccount));
        assert_eq!((user.0.version, user.0.deactivated_at), (1, None));
        assert_eq!(user.deactivate(None, at(1)), Ok(true));
        assert_eq!(user.deactivate(Some(user.id()), at(2)), Err(OwnAccount));
        assert_eq!((user.0.version, user.0.deactivated_at), (2, Some(at(1))));
    }

    #[test]
    fn an_update_changes_what_is_given_and_is_a_version_only_if_something_differs() {
        let (mut user, name) = (ada(), Name::parse("Ada").expect("a name"));
        let other = Email::parse("countess@example.org").expect("an address");
        assert!(!user.update(None, None));
        assert!(!user.update(Some(None), Some(user.state().email.clone())));
        assert_eq!(user.0.version, 1);
        assert!(user.update(Some(Some(name.clone())), None));
        assert_eq!((user.0.version, &user.0.name, user.0.email.as_str()), (2, &Some(name.clone()), "ada@example.org"));
        assert!(user.update(None, Some(other.clone())));
        assert_eq!((user.0.version, &user.0.name, &user.0.email), (3, &Some(name), &other));
        assert!(user.update(Some(None), None));
        assert_eq!((user.0.version, &user.0.name, &user.0.email), (4, &None, &other));
    }

    #[test]
    fn a_confirmed_address_stays_so_until_it_is_another() {
        let email = |text| Email::parse(text).expect("an address");
        let mut user = ada();
        let state = |user: &User| {
            (user.0.email.as_str().to_owned(), user.0.version, user.0.email_verified, user.0.email_version)
        };
        assert!(user.confirm_email(email("ada@example.org")));
        assert_eq!(state(&user), ("ada@example.org".to_owned(), 2, true, 1));
        assert!(!user.confirm_email(email("ada@example.org")));
        assert!(user.update(None, Some(email("Ada@Example.org"))));
        assert_eq!(state(&user), ("Ada@Example.org".to_owned(), 3, true, 1), "another spelling of the same address");
        assert!(user.update(None, Some(email("countess@example.org"))));
        assert_eq!(state(&user), ("countess@example.org".to_owned(), 4, false, 4));
        assert!(user.confirm_email(email("lovelace@example.org")));
        assert_eq!(state(&user), ("lovelace@example.org".to_owned(), 5, true, 5));
    }

    #[test]
    fn a_tombstone_has_the_id_and_one_more_version() {
        let user = ada();
        let id = user.id();
        assert_eq!(user.erase(at(3)), Tombstone { id, version: 2, erased_at: at(3) });
    }

    #[test]
    fn only_the_present_version_is_no_conflict() {
        let mut user = ada();
        assert_eq!(user.has_version(&[1]), Ok(()));
        assert!(user.update(Some(Name::parse("Ada").ok()), None));
        assert_eq!(user.has_version(&[1]), Err(VersionConflict));
        assert_eq!(user.has_version(&[1, 2]), Ok(()));
        assert_eq!(user.has_version(&[]), Err(VersionConflict));
    }

    #[test]
    fn reasons_have_stable_codes() {
        let codes =
            [Taken::Email.code(), Taken::Id.code(), NoSuchUser.code(), OwnAccount.code(), VersionConflict.code()];
        assert_eq!(codes, ["email_taken", "id_taken", "no_such_user", "own_account", "version_conflict"]);
    }
}

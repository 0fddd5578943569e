use identity::UserId;
use kernel::DomainError;
use std::collections::BTreeSet;

/// The administrators who can sign in. Each has the role, a password, and an account that is neither deactivated nor
/// about to be. At least one always stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Administrators(BTreeSet<UserId>);

/// The user is the last administrator, who must keep the role and the access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this user is the last administrator who can sign in: give another user the role first")]
pub struct LastAdministrator;

impl DomainError for LastAdministrator {
    fn code(&self) -> &'static str {
        "last_administrator"
    }
}

impl Administrators {
    /// Removes a user from the set, for any reason: a change of role, a deactivation, an erasure, or the loss of the
    /// password. A user who is not in the set is always allowed.
    ///
    /// # Errors
    /// [`LastAdministrator`] if the user is the only one in the set, which stays unchanged.
    pub fn let_go(&mut self, user: UserId) -> Result<(), LastAdministrator> {
        if self.0.len() == 1 && self.0.contains(&user) {
            return Err(LastAdministrator);
        }
        self.0.remove(&user);
        Ok(())
    }
}

impl FromIterator<UserId> for Administrators {
    fn from_iter<I: IntoIterator<Item = UserId>>(users: I) -> Self {
        Self(users.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Administrators, LastAdministrator};
    use identity::UserId;
    use kernel::DomainError as _;

    #[test]
    fn all_administrators_but_the_last_may_leave() {
        let [ada, eve, bob] = [(); 3].map(|()| UserId::random());
        let mut administrators: Administrators = [ada, eve, bob].into_iter().collect();
        assert_eq!(administrators.let_go(eve), Ok(()));
        assert_eq!(administrators.let_go(eve), Ok(()), "a user who has left may leave again");
        assert_eq!(administrators.let_go(ada), Ok(()));
        assert_eq!(administrators.let_go(bob), Err(LastAdministrator));
        assert_eq!(administrators, [bob].into_iter().collect(), "the last administrator stays");
    }

    #[test]
    fn a_user_who_is_not_an_administrator_may_always_leave() {
        let [ada, eve] = [(); 2].map(|()| UserId::random());
        assert_eq!(Administrators::default().let_go(eve), Ok(()), "the set is empty");
        let mut administrators: Administrators = [ada].into_iter().collect();
        assert_eq!(administrators.let_go(eve), Ok(()), "the set has one other user");
        assert_eq!(administrators, [ada].into_iter().collect());
    }

    #[test]
    fn the_refusal_has_a_code() {
        assert_eq!(LastAdministrator.code(), "last_administrator");
    }
}

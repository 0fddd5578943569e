use kernel::{DomainError, UserId};
use std::collections::BTreeSet;

/// The administrators who can sign in: those with the role, a credential, and an account that is neither deactivated
/// nor about to be. One always stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Administrators(BTreeSet<UserId>);

/// Why an administrator keeps the role or the way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this user is the last administrator who can sign in: make another one first")]
pub struct LastAdministrator;

impl DomainError for LastAdministrator {
    fn code(&self) -> &'static str {
        "last_administrator"
    }
}

impl Administrators {
    /// Whether a user may stop being one of them, for whatever reason: a change of role, a deactivation, an erasure, the
    /// loss of what they sign in with. A user who is none of them always may, since the set stays as it is.
    ///
    /// # Errors
    /// [`LastAdministrator`], and the set is unchanged.
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
    use kernel::{DomainError as _, UserId};

    #[test]
    fn all_but_the_last_administrator_may_go() {
        let [ada, eve, bob] = [(); 3].map(|()| UserId::random());
        let mut administrators: Administrators = [ada, eve, bob].into_iter().collect();
        assert_eq!(administrators.let_go(eve), Ok(()));
        assert_eq!(administrators.let_go(eve), Ok(()), "who is gone may go");
        assert_eq!(administrators.let_go(ada), Ok(()));
        assert_eq!(administrators.let_go(bob), Err(LastAdministrator));
        assert_eq!(administrators, [bob].into_iter().collect(), "and stays");
    }

    #[test]
    fn who_is_no_administrator_may_always_go() {
        let [ada, eve] = [(); 2].map(|()| UserId::random());
        assert_eq!(Administrators::default().let_go(eve), Ok(()), "when there is none");
        let mut administrators: Administrators = [ada].into_iter().collect();
        assert_eq!(administrators.let_go(eve), Ok(()), "when there is one");
        assert_eq!(administrators, [ada].into_iter().collect());
    }

    #[test]
    fn the_refusal_has_a_code() {
        assert_eq!(LastAdministrator.code(), "last_administrator");
    }
}

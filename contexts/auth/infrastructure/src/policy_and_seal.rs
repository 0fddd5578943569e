use crate::PURPOSE;
use auth_access::PasswordSealer;
use auth_domain::{PasswordPolicy, normalised};
use identity::{Email, UserId};
use kernel::{DomainError as _, MessageId, Sealed, Secret};
use sealing::{Binding, Sealer};
use web::{Problem, Violation};

/// [`PasswordSealer`] of this context: checks a new password against the policy, then seals it for the workers.
pub struct PolicyAndSeal {
    policy: PasswordPolicy,
    sealer: Sealer,
}

impl PolicyAndSeal {
    /// `sealer` holds the public key of the workers.
    #[must_use]
    pub const fn new(policy: PasswordPolicy, sealer: Sealer) -> Self {
        Self { policy, sealer }
    }
}

impl PasswordSealer for PolicyAndSeal {
    fn check(&self, password: &Secret, email: Option<&Email>, name: Option<&str>) -> Vec<Violation> {
        let flaws = self.policy.flaws(password, email, name);
        flaws.into_iter().map(|flaw| Violation::new("", flaw.code(), flaw.to_string())).collect()
    }

    fn seal(&self, password: &Secret, root: MessageId, user: UserId) -> Result<Sealed, Problem> {
        self.sealer.seal(&normalised(password), &Binding { root, subject: user.as_uuid(), purpose: PURPOSE }).map_err(
            |error| {
                tracing::error!(%error, "could not seal a password");
                Problem::internal()
            },
        )
    }
}

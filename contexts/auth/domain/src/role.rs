use kernel::DomainError;
use std::str::FromStr;

/// What somebody may do beside what concerns themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Nothing.
    #[default]
    User,
    /// Administration: everybody's data, roles, service keys, the audit record.
    Admin,
}

impl Role {
    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

/// Neither `user` nor `admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be user or admin")]
pub struct UnknownRole;

impl DomainError for UnknownRole {
    fn code(&self) -> &'static str {
        "role_unknown"
    }
}

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, UnknownRole};
    use kernel::DomainError as _;

    #[test]
    fn a_role_reads_back_what_it_shows_and_nothing_else() {
        for role in [Role::User, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!(Role::Admin.as_str(), "admin");
        for text in ["", "Admin", "root", "admin "] {
            assert_eq!(text.parse::<Role>(), Err(UnknownRole), "{text}");
        }
        assert_eq!(Role::default(), Role::User);
    }

    #[test]
    fn refusals_have_codes() {
        assert_eq!(UnknownRole.code(), "role_unknown");
    }
}
